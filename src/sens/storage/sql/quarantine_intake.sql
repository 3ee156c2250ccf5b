-- Messages into quarantine. See storage/quarantine_intake.py.

-- name: totals
-- octet_length reads only the header of a value that is stored out of line.
SELECT count(*), coalesce(sum(octet_length(topic) + octet_length(payload)), 0)::bigint
  FROM quarantine WHERE source_id = %s;

-- name: overflow_keys
SELECT reason, topic FROM quarantine_overflow WHERE source_id = %s;

-- name: evict
-- The oldest that are settled, until both wants are met. Another worker's are left to it.
WITH settled AS (
    SELECT id, octet_length(topic) + octet_length(payload) AS bytes
      FROM quarantine WHERE source_id = %(source_id)s AND state > 0
     ORDER BY id LIMIT %(at_most)s FOR UPDATE SKIP LOCKED
), counted AS (
    SELECT id, row_number() OVER (ORDER BY id) AS n, sum(bytes) OVER (ORDER BY id) - bytes AS bytes_before
      FROM settled
)
DELETE FROM quarantine USING counted
 WHERE quarantine.id = counted.id AND (n <= %(rows)s OR bytes_before < %(bytes)s)
RETURNING octet_length(topic) + octet_length(payload);

-- name: insert
INSERT INTO quarantine (source_id, envelope_id, position, received_at, retained, topic, payload, reason, detail)
SELECT * FROM unnest(
    %(source_id)s, %(envelope_id)s, %(position)s, %(received_at)s, %(retained)s::bool[],
    %(topic)b::bytea[], %(payload)b::bytea[], %(reason)s::text[], %(detail)s::text[]
)
ON CONFLICT (envelope_id, position, reason) DO NOTHING;

-- name: count_overflow
INSERT INTO quarantine_overflow (source_id, reason, topic, count, first_at, last_at, sample)
SELECT %(source_id)s, new.*
  FROM unnest(
       %(reason)s::text[], %(topic)b::bytea[], %(count)s, %(first_at)s, %(last_at)s, %(sample)b::bytea[]
  ) AS new (reason, topic, count, first_at, last_at, sample)
 ORDER BY reason, topic
ON CONFLICT (source_id, reason, topic) DO UPDATE
   SET count = quarantine_overflow.count + excluded.count,
       first_at = least(quarantine_overflow.first_at, excluded.first_at),
       last_at = greatest(quarantine_overflow.last_at, excluded.last_at);
