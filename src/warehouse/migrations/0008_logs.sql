-- What the roles log, for whoever looks for a cause where Grafana's other sources are not at hand.

-- A log collector writes it (deploy/vector), never a role: what is wrong with ClickHouse must not be missing where one
-- looks for it, so the lines on stdout stay the source.
-- PARTITION BY day: retention is short, and whole parts are dropped for it.
-- ORDER BY role and time: one asks for a role and a span; ids are found by the bloom filters.
-- CODECs: lines repeat each other (ZSTD).
-- TTL: 30 days.
CREATE TABLE IF NOT EXISTS logs
(
    time DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    level LowCardinality(String),
    role LowCardinality(String),
    host LowCardinality(String),
    pid UInt32 CODEC(ZSTD(1)),
    msg LowCardinality(String),
    event_id String CODEC(ZSTD(1)),
    batch_id String CODEC(ZSTD(3)),
    image String CODEC(ZSTD(3)),
    error String CODEC(ZSTD(3)),
    -- The line as it was written, all other fields in it.
    line String CODEC(ZSTD(3)),
    INDEX images image TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX batches batch_id TYPE bloom_filter(0.01) GRANULARITY 1,
    INDEX events event_id TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(time)
ORDER BY (role, time)
TTL toDateTime(time) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;
