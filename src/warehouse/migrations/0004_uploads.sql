-- Every event that intake accepted: what should have a result, with or without one yet.

-- One row per image and name of the model that is to detect it. No hash: which version does it is known once it has.
-- PARTITION BY and ORDER BY as in image_results, for the same reasons: by the object's creation, which is the same in
-- every event of an image, so that duplicates meet; and so that uploads and results are joined hour by hour.
-- recorded_at is the version: when the record was written to Kafka. Of several (delivered twice, moved to
-- penstock.image-events.held and back) the latest tells where the image is. lane stays that of the image while it is held;
-- topic, partition and record_offset tell the record itself.
-- CODECs: times of one hour differ little (Delta, then ZSTD), so do offsets of one partition; ids are random, and only
-- their alphabet can be packed (ZSTD).
-- TTL: as long as the results.
CREATE TABLE IF NOT EXISTS upload_events
(
    bucket LowCardinality(String),
    object String CODEC(ZSTD(3)),
    generation UInt64 CODEC(ZSTD(1)),
    model LowCardinality(String),
    lane LowCardinality(String),
    topic LowCardinality(String),
    partition UInt32 CODEC(ZSTD(1)),
    record_offset UInt64 CODEC(Delta, ZSTD(1)),
    recorded_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    event_id String CODEC(ZSTD(1)),
    source_id String CODEC(ZSTD(1)),
    content_type LowCardinality(String),
    -- NULL: the event did not say.
    size_bytes Nullable(UInt64) CODEC(ZSTD(1)),
    uploaded_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    -- NULL: there is none.
    deadline_at Nullable(DateTime64(3, 'UTC')) CODEC(ZSTD(1)),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    -- Audits ask for what came lately; single images are found by name.
    INDEX received_at_range received_at TYPE minmax GRANULARITY 4,
    INDEX object_names object TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(recorded_at)
PARTITION BY toYYYYMM(uploaded_at)
PRIMARY KEY (toStartOfHour(uploaded_at), bucket)
ORDER BY (toStartOfHour(uploaded_at), bucket, object, generation, model)
TTL toDateTime(uploaded_at) + INTERVAL 396 DAY
SETTINGS ttl_only_drop_parts = 1;

-- One row per image and name of a model, already deduplicated. A key never leaves its partition.
CREATE VIEW IF NOT EXISTS uploads AS
SELECT
    bucket, object, generation, model, lane, topic, partition, record_offset, recorded_at, event_id, source_id,
    content_type, size_bytes, uploaded_at, received_at, deadline_at, stored_at
FROM upload_events FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
