-- What became of each image under each model, and the two views that analysts read.

-- PARTITION BY month of the object's creation: a value that never changes for an image, so every duplicate of a row
-- lands in the same partition, where the engine can replace it. Months, because an insert may touch at most 100
-- partitions and a backfill brings years.
-- ORDER BY hour first: rollups and dashboards read by time and skip the rest; then the identity of a result (bucket,
-- object, generation, model), which is what rows are replaced by. The hour belongs to the image, so it splits no
-- identity. The index in memory keeps hour and bucket alone; single images are found by the bloom filter.
-- version: a detection beats a death (a late duplicate of an object that is gone by now must not erase its boxes), then
-- the later one. Computed here, so that no writer can have another opinion.
-- Boxes are arrays in the row: a new detection replaces all of them, none is left over.
-- CODECs: times of one hour differ little (Delta, then ZSTD); names repeat their beginnings in this order (ZSTD);
-- coordinates are noise to Delta, so ZSTD alone.
-- TTL: 396 days after the upload, so that a month can be compared with the same month a year before. Whole parts are
-- dropped, nothing is rewritten for it; so a row may stay for up to one month more.
CREATE TABLE IF NOT EXISTS image_results
(
    bucket LowCardinality(String),
    object String CODEC(ZSTD(3)),
    generation UInt64 CODEC(ZSTD(1)),
    model LowCardinality(String),
    status Enum8('detected' = 1, 'dead' = 2),
    reason LowCardinality(String),
    detail String CODEC(ZSTD(3)),
    width UInt32 CODEC(ZSTD(1)),
    height UInt32 CODEC(ZSTD(1)),
    boxes Nested
    (
        class LowCardinality(String),
        score Float32,
        x_min Float32,
        y_min Float32,
        x_max Float32,
        y_max Float32
    ),
    uploaded_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    detected_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1)),
    attempts UInt32 CODEC(ZSTD(1)),
    workflow_id String CODEC(ZSTD(3)),
    run_id String CODEC(ZSTD(3)),
    version UInt64 MATERIALIZED if(status = 'detected', bitShiftLeft(toUInt64(1), 62), toUInt64(0)) + toUnixTimestamp64Milli(detected_at) CODEC(Delta, ZSTD(1)),
    -- Rollups ask for what was stored lately; old hours that nothing touched are skipped.
    INDEX stored_at_range stored_at TYPE minmax GRANULARITY 4,
    INDEX object_names object TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYYYYMM(uploaded_at)
PRIMARY KEY (toStartOfHour(uploaded_at), bucket)
ORDER BY (toStartOfHour(uploaded_at), bucket, object, generation, model)
TTL toDateTime(uploaded_at) + INTERVAL 396 DAY
SETTINGS ttl_only_drop_parts = 1;

-- One row per image and model, already deduplicated. A key never leaves its partition, so FINAL need not merge across
-- partitions: months are read in parallel.
CREATE VIEW IF NOT EXISTS images AS
SELECT
    bucket, object, generation, model, status, reason, detail, width, height,
    uploaded_at, received_at, detected_at, stored_at, attempts, workflow_id, run_id
FROM image_results FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- One row per box; pixels of the picture after EXIF orientation.
CREATE VIEW IF NOT EXISTS detections AS
SELECT
    bucket, object, generation, model,
    class, score, x_min, y_min, x_max, y_max,
    width, height, uploaded_at, detected_at
FROM image_results FINAL
ARRAY JOIN
    boxes.class AS class, boxes.score AS score,
    boxes.x_min AS x_min, boxes.y_min AS y_min, boxes.x_max AS x_max, boxes.y_max AS y_max
SETTINGS do_not_merge_across_partitions_select_final = 1;
