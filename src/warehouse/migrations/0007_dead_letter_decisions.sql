-- What an operator decided about a dead letter, and what it takes to send one back to where it came from.

-- Key and headers of a record; of a request the headers that say what its body is. Empty for older letters.
ALTER TABLE dead_letter_records
    ADD COLUMN IF NOT EXISTS record_key Nullable(String) CODEC(ZSTD(3)),
    ADD COLUMN IF NOT EXISTS headers Map(String, String) CODEC(ZSTD(3));

CREATE OR REPLACE VIEW dead_letters AS
SELECT
    id, source, reason, detail, origin, payload, payload_encoding, payload_truncated, received_at, stored_at,
    record_key, headers
FROM dead_letter_records FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- A letter may be decided about more than once; the latest decision counts, and one without any is open.
-- PARTITION and TTL go by the time of the letter, so that a decision is kept as long as what it is about.
CREATE TABLE IF NOT EXISTS dead_letter_decision_records
(
    letter_id String,
    letter_received_at DateTime64(3, 'UTC'),
    decision LowCardinality(String),
    decided_at DateTime64(3, 'UTC'),
    who String,
    why String
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(letter_received_at)
ORDER BY (letter_id, decided_at, decision)
TTL toDateTime(letter_received_at) + INTERVAL 396 DAY
SETTINGS ttl_only_drop_parts = 1;

-- One row per decision, already deduplicated.
CREATE VIEW IF NOT EXISTS dead_letter_decisions AS
SELECT letter_id, letter_received_at, decision, decided_at, who, why
FROM dead_letter_decision_records FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
