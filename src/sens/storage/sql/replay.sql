-- Storing known envelopes again. See storage/replay.py.

-- An envelope that is not in the ledger gets an empty row, so that all have one to lock.
-- name: insert_missing
INSERT INTO ledger (
    envelope_id, source_id, session, epoch, sequence, received_at, total,
    decoded, ignored, quarantined, readings, readings_stored, readings_duplicate, readings_conflict
)
SELECT *, 0, 0, 0, 0, 0, 0, 0
FROM unnest(
    %(id)s, %(source_id)s, %(session)s::text[], %(epoch)b::bytea[], %(sequence)s, %(received_at)s, %(total)s
) AS new (id, source_id, session, epoch, sequence, received_at, total)
ORDER BY id
ON CONFLICT (envelope_id) DO NOTHING
RETURNING envelope_id

-- name: lock_ledger
SELECT envelope_id, readings_stored FROM ledger WHERE envelope_id = ANY (%(id)s) ORDER BY envelope_id FOR UPDATE

-- name: update_ledger
UPDATE ledger SET
    decoded = new.decoded, ignored = new.ignored, quarantined = new.quarantined,
    readings = new.stored + new.duplicate + new.conflict,
    readings_stored = new.stored, readings_duplicate = new.duplicate, readings_conflict = new.conflict
FROM unnest(
    %(id)s, %(decoded)s, %(ignored)s, %(quarantined)s, %(stored)s, %(duplicate)s, %(conflict)s
) AS new (id, decoded, ignored, quarantined, stored, duplicate, conflict)
WHERE envelope_id = new.id

-- name: lock_message
SELECT q.envelope_id, q.position, q.reason
FROM quarantine q JOIN ledger l ON l.envelope_id = q.envelope_id
WHERE q.id = %(quarantine_id)s AND q.state = 0
FOR UPDATE

-- name: add_to_ledger
UPDATE ledger SET
    decoded = decoded + %(decoded)s, ignored = ignored + %(ignored)s, quarantined = quarantined + %(quarantined)s,
    readings = readings + %(stored)s + %(duplicate)s + %(conflict)s,
    readings_stored = readings_stored + %(stored)s,
    readings_duplicate = readings_duplicate + %(duplicate)s,
    readings_conflict = readings_conflict + %(conflict)s
WHERE envelope_id = %(id)s

-- As `add_to_ledger` for a message whose readings were counted when it was decoded the first time: only
-- what is new is added, and conflicts that were overwritten become duplicates.
-- name: settle_conflicts
UPDATE ledger SET
    decoded = decoded + %(decoded)s, ignored = ignored + %(ignored)s, quarantined = quarantined + %(quarantined)s,
    readings = readings + %(stored)s,
    readings_stored = readings_stored + %(stored)s,
    readings_duplicate = readings_duplicate + least(%(overwritten)s, readings_conflict),
    readings_conflict = readings_conflict - least(%(overwritten)s, readings_conflict)
WHERE envelope_id = %(id)s

-- {table} is reading or reading_text.
-- name: overwrite
UPDATE {table} AS stored SET value = new.value
FROM unnest(%(series)s, %(time)s, %(value)s::{type}[]) AS new (series_id, time, value)
WHERE stored.series_id = new.series_id AND stored.time = new.time
  AND stored.time BETWEEN %(oldest)s AND %(newest)s

-- {column} is value or text.
-- name: overwrite_latest
WITH changed AS MATERIALIZED (
    SELECT l.series_id, new.value
    FROM series_latest l
    JOIN unnest(%(series)s, %(time)s, %(value)s::{type}[]) AS new (series_id, time, value)
        ON new.series_id = l.series_id AND new.time = l.time
    ORDER BY l.series_id
    FOR UPDATE OF l
)
UPDATE series_latest l SET {column} = changed.value FROM changed WHERE l.series_id = changed.series_id

-- What these messages left in quarantine: all of an envelope, or one position of it.
-- name: quarantined
SELECT id, envelope_id, position, reason, state FROM quarantine
WHERE envelope_id = ANY (%(id)s) AND (%(position)s::int IS NULL OR position = %(position)s)
ORDER BY id FOR UPDATE

-- name: set_state
UPDATE quarantine SET state = %(state)s, changed_at = now() WHERE id = ANY (%(ids)s)

-- name: find_sequences
SELECT envelope_id, sequence FROM ledger WHERE envelope_id = ANY(%(ids)s::uuid[]);

-- name: open_message_ids
SELECT id FROM quarantine
WHERE envelope_id = ANY (%(ids)s) AND state = 0 AND (%(only)s::bigint[] IS NULL OR id = ANY (%(only)s))
ORDER BY id;

-- name: open_message
SELECT q.id, q.source_id, s.name, l.session, l.epoch, q.envelope_id, q.position, q.received_at, q.retained,
       q.topic, q.payload, q.reason
FROM quarantine q
JOIN source s ON s.id = q.source_id
LEFT JOIN ledger l ON l.envelope_id = q.envelope_id
WHERE q.id = %(id)s AND q.state = 0;

-- Of envelopes that the ledger knows: how many messages are, or were, in quarantine for this reason.
-- name: count_quarantined
SELECT l.envelope_id, (
    SELECT count(*) FROM quarantine q WHERE q.envelope_id = l.envelope_id AND q.reason = %(reason)s
)
FROM ledger l WHERE l.envelope_id = ANY (%(ids)s);
