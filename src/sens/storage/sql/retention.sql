-- What is dropped when its time is over. See storage/retention.py.

-- name: has_late_marks_before
SELECT EXISTS (SELECT FROM late_mark WHERE bucket < %(before)s)

-- Settled messages of sources beyond a cap, the oldest first, until the source fits.
-- name: purge_quarantine
DELETE FROM quarantine
WHERE id IN (
    SELECT id FROM (
        SELECT id, state,
               count(*) OVER source AS source_rows, sum(bytes) OVER source AS source_bytes,
               row_number() OVER oldest - 1 AS earlier_rows, sum(bytes) OVER oldest - bytes AS earlier_bytes
        FROM (
            SELECT id, source_id, state, octet_length(topic) + octet_length(payload) AS bytes FROM quarantine
        ) sized
        WINDOW source AS (PARTITION BY source_id), oldest AS (PARTITION BY source_id, state <> 0 ORDER BY id)
    ) placed
    WHERE state <> 0
      AND (earlier_rows < source_rows - %(max_rows)s OR earlier_bytes < source_bytes - %(max_bytes)s)
)
