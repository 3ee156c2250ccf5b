-- The quarantine as the API shows it. See storage/read_quarantine.py.

-- name: list
SELECT q.id, s.name AS source, q.envelope_id, q.position, q.received_at, q.topic, octet_length(q.payload) AS payload_bytes,
       q.reason, q.detail, q.state, q.changed_at, s.tenant_id, coalesce(l.session, '') AS session
FROM quarantine q JOIN source s ON s.id = q.source_id LEFT JOIN ledger l ON l.envelope_id = q.envelope_id
WHERE (%(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s)
  AND (%(source)s::text IS NULL OR q.source_id = (SELECT id FROM source WHERE name = %(source)s))
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
  AND (%(state)s::int IS NULL OR q.state = %(state)s)
  AND (%(before)s::bigint IS NULL OR q.id < %(before)s)
ORDER BY q.id DESC
LIMIT %(limit)s

-- name: find
SELECT q.id, s.name AS source, q.envelope_id, q.position, q.received_at, q.topic, octet_length(q.payload) AS payload_bytes,
       q.reason, q.detail, q.state, q.changed_at, s.tenant_id, coalesce(l.session, '') AS session
FROM quarantine q JOIN source s ON s.id = q.source_id LEFT JOIN ledger l ON l.envelope_id = q.envelope_id
WHERE q.id = %(id)s AND (%(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s)

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

-- name: open
SELECT q.id, q.envelope_id FROM quarantine q
WHERE q.state = 0
  AND (%(tenant_id)s::int IS NULL OR q.source_id IN (SELECT id FROM source WHERE tenant_id = %(tenant_id)s))
  AND (%(source)s::text IS NULL OR q.source_id = (SELECT id FROM source WHERE name = %(source)s))
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
  AND (%(received_from)s::timestamptz IS NULL OR q.received_at >= %(received_from)s)
  AND (%(received_before)s::timestamptz IS NULL OR q.received_at < %(received_before)s)
  AND (%(before)s::bigint IS NULL OR q.id < %(before)s)
ORDER BY q.id DESC
LIMIT %(limit)s

-- name: count_open
SELECT count(*) FROM quarantine q
WHERE q.state = 0
  AND (%(tenant_id)s::int IS NULL OR q.source_id IN (SELECT id FROM source WHERE tenant_id = %(tenant_id)s))
  AND (%(source)s::text IS NULL OR q.source_id = (SELECT id FROM source WHERE name = %(source)s))
  AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
  AND (%(received_from)s::timestamptz IS NULL OR q.received_at >= %(received_from)s)
  AND (%(received_before)s::timestamptz IS NULL OR q.received_at < %(received_before)s)
  AND (%(before)s::bigint IS NULL OR q.id < %(before)s)

-- One that a replay holds is left to it.
-- name: discard_open
WITH chosen AS (
    SELECT q.id FROM quarantine q
    WHERE q.state = 0
      AND (%(tenant_id)s::int IS NULL OR q.source_id IN (SELECT id FROM source WHERE tenant_id = %(tenant_id)s))
      AND (%(source)s::text IS NULL OR q.source_id = (SELECT id FROM source WHERE name = %(source)s))
      AND (%(reason)s::text IS NULL OR q.reason = %(reason)s)
      AND (%(received_from)s::timestamptz IS NULL OR q.received_at >= %(received_from)s)
      AND (%(received_before)s::timestamptz IS NULL OR q.received_at < %(received_before)s)
      AND (%(before)s::bigint IS NULL OR q.id < %(before)s)
    ORDER BY q.id DESC
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
), discarded AS (
    UPDATE quarantine SET state = 2, changed_at = now() WHERE id IN (SELECT id FROM chosen) RETURNING id
)
SELECT count(*), min(id) FROM discarded
