-- The telemetry worker's transaction. See storage/write.py.

-- name: share_rollup_lock
SELECT pg_advisory_xact_lock_shared(%s);

-- name: write_until
-- A statement of its own: its snapshot is taken after the lock is held.
SELECT CASE WHEN isfinite(write_until) THEN write_until END FROM rollup_mark;

-- name: insert_ledger
INSERT INTO ledger (
    envelope_id, source_id, session, epoch, sequence, received_at, total,
    decoded, ignored, quarantined, readings, readings_stored, readings_duplicate, readings_conflict
)
SELECT *, readings, 0, 0
  FROM unnest(
       %(id)s, %(source_id)s, %(session)s::text[], %(epoch)b::bytea[], %(sequence)s, %(received_at)s, %(total)s,
       %(decoded)s, %(ignored)s, %(quarantined)s, %(readings)s
  ) AS new (id, source_id, session, epoch, sequence, received_at, total, decoded, ignored, quarantined, readings)
 ORDER BY id;

-- name: correct_ledger
UPDATE ledger
   SET readings_stored = readings - duplicate - conflict,
       readings_duplicate = duplicate,
       readings_conflict = conflict
  FROM unnest(%s, %s, %s) AS counted (id, duplicate, conflict)
 WHERE envelope_id = id;

-- name: known_envelopes
SELECT envelope_id FROM ledger WHERE envelope_id = ANY (%s);

-- name: folded_envelopes
SELECT new.id
  FROM unnest(
       %(id)s, %(source_id)s, %(session)s::text[], %(epoch)b::bytea[], %(received_at)s, %(total)s, %(messages)s
  ) AS new (id, source_id, session, epoch, received_at, total, messages)
  JOIN ledger_total t USING (source_id, session, epoch)
 WHERE new.messages > 0 AND new.total > 0 AND new.received_at <= t.folded_until
   AND t.covered @> int8range(new.total - new.messages, new.total, '(]');

-- name: answers
SELECT;

-- name: copy_late_marks
COPY late_mark (series_id, bucket) FROM STDIN (FORMAT binary)

-- name: decompress_without_limit
-- Late readings may touch any number of rows in columnstore chunks: the limit would stop the batch for good.
SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', false);
