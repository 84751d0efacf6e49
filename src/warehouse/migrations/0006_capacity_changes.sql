-- Who changed what of the capacity, when, and when every detector and dispatcher went by it. A change is written when it
-- is made and again when it is in force: the latter replaces the former. Few rows, kept for good.
CREATE TABLE IF NOT EXISTS capacity_change_records
(
    id String,
    changed_at DateTime64(3, 'UTC'),
    in_force_at Nullable(DateTime64(3, 'UTC')),
    who String,
    why String,
    kind LowCardinality(String),
    model LowCardinality(String),
    before String,
    after String,
    version UInt8 DEFAULT in_force_at IS NOT NULL
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (changed_at, id);

CREATE VIEW IF NOT EXISTS capacity_changes AS
SELECT changed_at, in_force_at, who, why, kind, model, before, after, id
FROM capacity_change_records FINAL;
