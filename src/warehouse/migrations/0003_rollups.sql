-- Counts by hour of upload, kept up to date by the scheduled rollup (src/warehouse/rollup.ts).

-- One row per (hour, bucket, model), replaced whole: classes are arrays in it, so one that a new detection no longer
-- finds is gone with the old row. version is the server's time when the base was read, in microseconds: of two passes
-- at once the one that read later wins, in whatever order they write.
-- PARTITION BY year: a row is small and a pass writes a few of them. No TTL: the counts outlive the images they were
-- made from (a year of one bucket and model is 8,760 rows).
CREATE TABLE IF NOT EXISTS image_rollups
(
    hour DateTime('UTC') CODEC(Delta, ZSTD(1)),
    bucket LowCardinality(String),
    model LowCardinality(String),
    images UInt64,
    dead UInt64,
    detections UInt64,
    class Array(String),
    class_images Array(UInt64),
    class_detections Array(UInt64),
    version UInt64
)
ENGINE = ReplacingMergeTree(version)
PARTITION BY toYear(hour)
ORDER BY (hour, bucket, model);

-- Up to when results have been rolled up, in the server's time. The latest wins.
CREATE TABLE IF NOT EXISTS rollup_watermarks
(
    name LowCardinality(String),
    watermark DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(watermark)
ORDER BY name;

-- images counts all images of the hour, those without a box and the dead too; dead counts the dead among them.
-- A row of zeros stands for a key that has vanished from the base.
CREATE VIEW IF NOT EXISTS images_hourly AS
SELECT hour, bucket, model, images, dead, detections
FROM image_rollups FINAL
WHERE images > 0
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- images counts the images with at least one box of the class, detections the boxes.
CREATE VIEW IF NOT EXISTS detections_hourly AS
SELECT hour, bucket, model, class_name AS class, images_of_class AS images, detections_of_class AS detections
FROM image_rollups FINAL
ARRAY JOIN class AS class_name, class_images AS images_of_class, class_detections AS detections_of_class
SETTINGS do_not_merge_across_partitions_select_final = 1;
