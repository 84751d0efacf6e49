-- What could not be taken further, as it came.

-- PARTITION and ORDER BY begin with the time of receipt: it travels in the message, so a dead letter that comes twice
-- has the same, and an operator asks for today's. The id makes a row unique.
-- CODECs: payloads are text up to 64 KiB and repeat each other.
-- TTL: as long as the images that they might have been.
CREATE TABLE IF NOT EXISTS dead_letter_records
(
    id String CODEC(ZSTD(1)),
    source LowCardinality(String),
    reason LowCardinality(String),
    detail String CODEC(ZSTD(3)),
    origin String CODEC(ZSTD(3)),
    payload String CODEC(ZSTD(6)),
    payload_encoding LowCardinality(String),
    payload_truncated Bool,
    received_at DateTime64(3, 'UTC') CODEC(Delta, ZSTD(1)),
    stored_at DateTime64(3, 'UTC') DEFAULT now64(3) CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (toStartOfHour(received_at), source, reason, id)
TTL toDateTime(received_at) + INTERVAL 396 DAY
SETTINGS ttl_only_drop_parts = 1;

-- One row per dead letter, already deduplicated.
CREATE VIEW IF NOT EXISTS dead_letters AS
SELECT
    id, source, reason, detail, origin, payload, payload_encoding, payload_truncated, received_at, stored_at
FROM dead_letter_records FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;
