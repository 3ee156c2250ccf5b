-- What became of messages that the log still holds. See storage/fates.py.

-- name: envelopes
SELECT envelope_id, decoded, ignored, quarantined, readings, readings_stored AS stored, readings_duplicate AS duplicate
FROM ledger WHERE envelope_id = ANY (%(envelopes)s)

-- name: quarantined
SELECT q.id, q.envelope_id, q.position, q.reason, q.detail, q.state
FROM quarantine q
JOIN unnest(%(envelopes)s::uuid[], %(positions)s::int[]) AS message (envelope_id, position)
    USING (envelope_id, position)
ORDER BY q.id

-- name: stored_numbers
SELECT wanted.at, r.value
FROM unnest(%(at)s::int[], %(device)s::text[], %(metric)s::text[], %(unit)s::text[], %(kind)s::int[],
            %(time)s::timestamptz[]) AS wanted (at, device, metric, unit, kind, time)
JOIN device d ON d.source_id = (SELECT id FROM source WHERE name = %(source)s) AND d.name = wanted.device
JOIN series s ON s.device_id = d.id AND s.metric = wanted.metric AND s.unit = wanted.unit AND s.kind = wanted.kind
JOIN reading r ON r.series_id = s.id AND r.time = wanted.time
WHERE r.time BETWEEN %(oldest)s AND %(newest)s

-- name: stored_texts
SELECT wanted.at, r.value
FROM unnest(%(at)s::int[], %(device)s::text[], %(metric)s::text[], %(unit)s::text[], %(kind)s::int[],
            %(time)s::timestamptz[]) AS wanted (at, device, metric, unit, kind, time)
JOIN device d ON d.source_id = (SELECT id FROM source WHERE name = %(source)s) AND d.name = wanted.device
JOIN series s ON s.device_id = d.id AND s.metric = wanted.metric AND s.unit = wanted.unit AND s.kind = wanted.kind
JOIN reading_text r ON r.series_id = s.id AND r.time = wanted.time
WHERE r.time BETWEEN %(oldest)s AND %(newest)s
