-- An image has one row per name of a model in images, detections and the rollups, whatever number of versions
-- (name@hash) of that model have seen it; all rows of all versions stay in image_results and images_all_versions.

-- The versions of a model, in the order in which they came. min and max, so that an insert that comes twice, or in any
-- order, changes nothing. stored_at and not detected_at: the clock is one, and a backfill of old images by a new version is
-- as new as the version. No TTL: the order outlives the rows (a version is one row).
CREATE TABLE IF NOT EXISTS model_versions
(
    name LowCardinality(String),
    model LowCardinality(String),
    first_seen SimpleAggregateFunction(min, DateTime64(3, 'UTC')),
    last_seen SimpleAggregateFunction(max, DateTime64(3, 'UTC'))
)
ENGINE = AggregatingMergeTree
ORDER BY (name, model);

-- Versions that the operator has pinned in the routes; model = '' where a pin was taken away. changed_at grows with each
-- change of a name: the rollups remember how far they have followed.
CREATE TABLE IF NOT EXISTS model_pins
(
    name LowCardinality(String),
    model String,
    changed_at DateTime64(3, 'UTC')
)
ENGINE = ReplacingMergeTree(changed_at)
ORDER BY name;

-- What no version has seen (refused before a detector had it) has the name alone, and is none.
CREATE MATERIALIZED VIEW IF NOT EXISTS model_versions_seen TO model_versions AS
SELECT substringIndex(model, '@', 1) AS name, model, min(stored_at) AS first_seen, max(stored_at) AS last_seen
FROM image_results
WHERE position(model, '@') > 0
GROUP BY name, model;

-- Rows from before the view above.
INSERT INTO model_versions
SELECT substringIndex(model, '@', 1) AS name, model, min(stored_at) AS first_seen, max(stored_at) AS last_seen
FROM image_results
WHERE position(model, '@') > 0
GROUP BY name, model;

-- All versions in one array, worst first: pinned above the others, then by when they were first seen. Only the order
-- within a name matters. Because versions are ordered, and not only the active one known, a new version changes nothing
-- for images that it has not seen: neither their row nor their rollup.
CREATE OR REPLACE VIEW model_version_order AS
SELECT arrayMap(version -> version.3, arraySort(groupArray((is_pinned, seen, version_model)))) AS models
FROM
(
    SELECT toString(model) AS version_model, min(first_seen) AS seen,
        version_model IN (SELECT model FROM model_pins FINAL) AS is_pinned
    FROM model_versions
    GROUP BY version_model
);

-- Which models have rows in an hour, kept with each part and so never behind it, at a few rows an hour. It tells the hours
-- where rows must be compared from those where one version has seen all, which are read as fast as before.
ALTER TABLE image_results
    MODIFY SETTING deduplicate_merge_projection_mode = 'rebuild', lightweight_mutation_projection_mode = 'rebuild';
ALTER TABLE image_results ADD PROJECTION IF NOT EXISTS models_by_hour
(
    SELECT toStartOfHour(uploaded_at), model, count() GROUP BY toStartOfHour(uploaded_at), model
);
-- In the background; until it is there for a part, two of the part's columns are read instead.
ALTER TABLE image_results MATERIALIZE PROJECTION models_by_hour SETTINGS mutations_sync = 0;

-- Hours where a name has rows of several versions, or of one and of none.
CREATE OR REPLACE VIEW contested_hours AS
SELECT hour, substringIndex(model, '@', 1) AS name
FROM (SELECT toStartOfHour(uploaded_at) AS hour, model FROM image_results GROUP BY hour, model)
GROUP BY hour, name
HAVING count() > 1;

-- The row that counts of each image and name. What is compared, in this order:
-- 1. a row of a version beats one of no version: a detector has seen the image;
-- 2. detected beats dead: a death says that this try came to nothing, not that the boxes of another version are wrong;
-- 3. the pinned version, then the one that came later (a row that its version precedes for a moment counts as oldest);
-- 4. the later detection: two rows of one version are duplicates that are not merged yet.
-- Where one version has seen all of an hour, FINAL is enough. Elsewhere a window picks the row: whole, so that its columns
-- can't come from two; by columns that never change for an image, so that filters by time, bucket and object still reach
-- the index; sorted, so that it goes to disk before it fills the memory.
-- Both halves and contested_hours read one snapshot of the table (enable_shared_storage_snapshot_in_query, on by
-- default): a row of a second version that arrives meanwhile is in all of them or in none.
CREATE OR REPLACE VIEW image_current AS
WITH (SELECT models FROM model_version_order) AS versions
SELECT
    bucket, object, generation, model, status, reason, detail, width, height,
    boxes.class, boxes.score, boxes.x_min, boxes.y_min, boxes.x_max, boxes.y_max,
    uploaded_at, received_at, detected_at, stored_at, attempts, workflow_id, run_id,
    substringIndex(model, '@', 1) AS model_name
FROM image_results FINAL
WHERE toStartOfHour(uploaded_at) NOT IN (SELECT hour FROM contested_hours)
UNION ALL
SELECT
    bucket, object, generation, model, status, reason, detail, width, height,
    boxes.class, boxes.score, boxes.x_min, boxes.y_min, boxes.x_max, boxes.y_max,
    uploaded_at, received_at, detected_at, stored_at, attempts, workflow_id, run_id, model_name
FROM
(
    SELECT
        bucket, object, generation, model, status, reason, detail, width, height,
        boxes.class, boxes.score, boxes.x_min, boxes.y_min, boxes.x_max, boxes.y_max,
        uploaded_at, received_at, detected_at, stored_at, attempts, workflow_id, run_id,
        substringIndex(model, '@', 1) AS model_name,
        row_number() OVER
        (
            PARTITION BY toStartOfHour(uploaded_at), bucket, object, generation, uploaded_at, model_name
            ORDER BY
                position(model, '@') > 0 DESC,
                status = 'detected' DESC,
                transform(toString(model), versions, arrayEnumerate(versions), 0) DESC,
                detected_at DESC
        ) AS place
    FROM image_results
    WHERE toStartOfHour(uploaded_at) IN (SELECT hour FROM contested_hours)
)
WHERE place = 1
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- One row per image and name of a model.
CREATE OR REPLACE VIEW images AS
SELECT
    bucket, object, generation, model, status, reason, detail, width, height,
    uploaded_at, received_at, detected_at, stored_at, attempts, workflow_id, run_id, model_name
FROM image_current;

-- One row per image and version of a model: what images showed before a later version, and would show if it were pinned.
CREATE OR REPLACE VIEW images_all_versions AS
SELECT
    bucket, object, generation, model, status, reason, detail, width, height,
    uploaded_at, received_at, detected_at, stored_at, attempts, workflow_id, run_id,
    substringIndex(model, '@', 1) AS model_name
FROM image_results FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- One row per box; pixels of the picture after EXIF orientation.
CREATE OR REPLACE VIEW detections AS
SELECT
    bucket, object, generation, model,
    class, score, x_min, y_min, x_max, y_max,
    width, height, uploaded_at, detected_at, model_name
FROM image_current
ARRAY JOIN
    boxes.class AS class, boxes.score AS score,
    boxes.x_min AS x_min, boxes.y_min AS y_min, boxes.x_max AS x_max, boxes.y_max AS y_max;
