-- Datasets: what is declared, what was run, and what of it readers see. The rows of a dataset are in a table and a view of
-- its own, which `penstock dataset apply` makes.

-- Each manifest that was ever applied; the last one of a dataset counts. Few rows, kept for good.
CREATE TABLE IF NOT EXISTS dataset_manifests
(
    dataset LowCardinality(String),
    applied_at DateTime64(3, 'UTC') DEFAULT now64(3),
    hash String,
    manifest String CODEC(ZSTD(6)),
    who String
)
ENGINE = MergeTree
ORDER BY (dataset, applied_at);

-- Which loads of a dataset readers see. A run loads its rows in one or several loads, each with a number of its own for
-- every try; publication is one insert of one block here, so readers see all of a run or nothing. Only what is published
-- last counts: what was given up stays so, whoever says otherwise later. Few rows, kept for good.
CREATE TABLE IF NOT EXISTS dataset_loads
(
    dataset LowCardinality(String),
    load UInt64,
    publication UInt64,
    status Enum8('loading' = 1, 'published' = 2, 'abandoned' = 3),
    run String,
    rows UInt64,
    partitions Array(String),
    partition_ids Array(String),
    at DateTime64(3, 'UTC') DEFAULT now64(3),
    status_order UInt8 MATERIALIZED toUInt8(status)
)
ENGINE = ReplacingMergeTree(status_order)
ORDER BY (dataset, load);

-- One row per run. It is written when the run begins and again when it ends: the latter replaces the former. read = loaded
-- + quarantined + duplicates, when it was published.
CREATE TABLE IF NOT EXISTS dataset_run_records
(
    dataset LowCardinality(String),
    number UInt64,
    run String,
    workflow_id String CODEC(ZSTD(1)),
    trigger LowCardinality(String),
    status Enum8('running' = 1, 'published' = 2, 'unchanged' = 3, 'failed' = 4, 'cancelled' = 5),
    logical_date DateTime64(3, 'UTC'),
    started_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    ended_at Nullable(DateTime64(3, 'UTC')),
    inputs UInt64,
    bytes UInt64,
    read UInt64,
    loaded UInt64,
    quarantined UInt64,
    duplicates UInt64,
    since String,
    until String,
    cursor String,
    warnings Array(String),
    failure String,
    manifest_hash String,
    program String,
    version UInt8 DEFAULT status != 'running'
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(started_at)
ORDER BY (dataset, number)
TTL toDateTime(started_at) + INTERVAL 1096 DAY;

CREATE VIEW IF NOT EXISTS dataset_runs AS
SELECT
    dataset, number, run, workflow_id, trigger, status, logical_date, started_at, ended_at, inputs, bytes,
    read, loaded, quarantined, duplicates, since, until, cursor, warnings, failure, manifest_hash, program
FROM dataset_run_records FINAL;

-- What a run read, or was going to: files and pages. A plan that was made twice has other ids: the record of the run that
-- counts names its own. Numbered in the order in which they were read.
CREATE TABLE IF NOT EXISTS dataset_inputs
(
    dataset LowCardinality(String),
    number UInt64,
    plan String,
    input UInt32,
    source String CODEC(ZSTD(1)),
    version String CODEC(ZSTD(1)),
    checksum String CODEC(ZSTD(1)),
    bytes UInt64,
    at DateTime64(3, 'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(at)
ORDER BY (dataset, number, plan, input)
TTL toDateTime(at) + INTERVAL 1096 DAY;

-- Rows that were set aside, with why and where they stand. A row that is written twice is one.
CREATE TABLE IF NOT EXISTS quarantined_rows
(
    dataset LowCardinality(String),
    number UInt64,
    run String,
    source String CODEC(ZSTD(1)),
    line UInt64,
    reason LowCardinality(String),
    subject LowCardinality(String),
    detail String CODEC(ZSTD(3)),
    raw String CODEC(ZSTD(6)),
    quarantined_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(quarantined_at)
ORDER BY (dataset, number, source, line)
TTL toDateTime(quarantined_at) + INTERVAL 180 DAY
SETTINGS ttl_only_drop_parts = 1;

CREATE VIEW IF NOT EXISTS quarantine AS
SELECT dataset, number, run, source, line, reason, subject, detail, raw, quarantined_at
FROM quarantined_rows FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
