-- The quarantine as the API shows it. See storage/read_quarantine.py.

-- part: entries
SELECT q.id, s.name AS source, q.envelope_id, q.position, q.received_at, q.topic, octet_length(q.payload) AS payload_bytes,
       q.reason, q.detail, q.state, q.changed_at, s.tenant_id, coalesce(l.session, '') AS session
FROM quarantine q JOIN source s ON s.id = q.source_id LEFT JOIN ledger l ON l.envelope_id = q.envelope_id
WHERE (%(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s)

-- part: is_chosen
WHERE q.state = 0
  AND (%(tenant_id)s::int IS NULL OR q.source_id IN (SELECT id FROM source WHERE tenant_id = %(tenant_id)s))
  AND (%(source)s::text IS NULL OR q.source_id = (SELECT id FROM source WHERE name = %(source)s))
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
  AND (%(received_from)s::timestamptz IS NULL OR q.received_at >= %(received_from)s)
  AND (%(received_before)s::timestamptz IS NULL OR q.received_at < %(received_before)s)
  AND q.id <= %(until)s

-- name: list
-- include: entries
  AND (%(source)s::text IS NULL OR q.source_id = (SELECT id FROM source WHERE name = %(source)s))
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
  AND (%(state)s::int IS NULL OR q.state = %(state)s)
  AND (%(before)s::bigint IS NULL OR q.id < %(before)s)
ORDER BY q.id DESC
LIMIT %(limit)s

-- name: find
-- include: entries
  AND q.id = %(id)s

-- name: payload
SELECT payload FROM quarantine WHERE id = %(id)s

-- name: count
SELECT s.name AS source, q.reason, q.state, count(*) AS messages,
       sum(octet_length(q.payload) + octet_length(q.topic))::bigint AS bytes
FROM quarantine q JOIN source s ON s.id = q.source_id
WHERE (%(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s)
GROUP BY s.name, q.reason, q.state
ORDER BY s.name, q.reason, q.state

-- name: change_state
UPDATE quarantine SET state = %(state)s, changed_at = now()
WHERE id = ANY (%(ids)s) AND state = 0
RETURNING id

-- name: overflow
SELECT s.name AS source, o.reason, o.topic, o.count, o.first_at, o.last_at, o.sample
FROM quarantine_overflow o JOIN source s ON s.id = o.source_id
WHERE (%(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s)
  AND (%(source)s::text IS NULL OR s.name = %(source)s)
ORDER BY o.last_at DESC
LIMIT %(limit)s

-- name: newest
SELECT coalesce(max(id), 0) FROM quarantine

-- An envelope's place is its first row, whatever became of that: so it comes once, also when some of its rows are
-- settled on the way. OFFSET keeps the planner, before it knows the table well, from reading all that is open for each.
-- name: open_envelopes
SELECT f.id AS first_id, f.envelope_id, open.ids
FROM quarantine f CROSS JOIN LATERAL (
    SELECT array_agg(q.id ORDER BY q.id) AS ids
    FROM (SELECT * FROM quarantine WHERE envelope_id = f.envelope_id OFFSET 0) AS q
    -- include: is_chosen
) AS open
WHERE f.id > %(after)s AND f.id <= %(until)s
  AND NOT EXISTS (SELECT FROM quarantine w WHERE w.envelope_id = f.envelope_id AND w.id < f.id)
  AND open.ids IS NOT NULL
ORDER BY f.id
LIMIT %(limit)s

-- name: count_still_open
SELECT count(*) FROM quarantine WHERE id = ANY (%(ids)s) AND state = 0

-- Asked once an envelope: its rows are read for the answer, and an envelope may have very many.
-- name: count_open
SELECT coalesce(sum(open.messages), 0)::bigint
FROM (
    SELECT q.envelope_id, count(*) AS messages
    FROM quarantine q
    -- include: is_chosen
      AND q.id > %(after)s
    GROUP BY q.envelope_id
    OFFSET 0
) AS open
WHERE %(after)s = 0 OR NOT EXISTS (
    SELECT FROM quarantine w WHERE w.envelope_id = open.envelope_id AND w.id <= %(after)s
)

-- One that a replay holds is left to it.
-- name: discard_open
WITH chosen AS (
    SELECT q.id FROM quarantine q
    -- include: is_chosen
    ORDER BY q.id
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), discarded AS (
    UPDATE quarantine SET state = 2, changed_at = now() WHERE id IN (SELECT id FROM chosen) RETURNING id
)
SELECT count(*) FROM discarded
