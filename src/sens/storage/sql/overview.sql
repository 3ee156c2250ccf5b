-- What an overview shows: see storage/overview.py.

-- Rows that are summed stand in intake_10m, all others in the ledger: one snapshot, so each counts once.
-- name: intake
SELECT bucket AS time, sum(messages)::bigint AS messages, sum(readings)::bigint AS readings
FROM (
    SELECT source_id, bucket, messages, readings FROM intake_10m WHERE bucket >= %(since)s
    UNION ALL
    SELECT source_id, date_bin('10 minutes', received_at, '1970-01-01 00:00Z'),
           decoded + ignored + quarantined, readings_stored
    FROM ledger WHERE NOT summed AND received_at >= %(since)s
) i
JOIN source s ON s.id = i.source_id
WHERE %(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s
GROUP BY bucket
ORDER BY bucket
LIMIT %(limit)s

-- name: sizes
SELECT hour AS time, bytes, log_bytes FROM database_size WHERE hour >= %(since)s ORDER BY hour LIMIT %(limit)s

-- name: devices
SELECT count(*) FILTER (WHERE d.archived_at IS NULL) AS active,
       count(*) FILTER (WHERE d.archived_at IS NOT NULL) AS archived,
       count(*) FILTER (WHERE d.archived_at IS NULL
                        AND is_overdue(coalesce(l.last_seen, d.created_at), d.expected_interval_s)) AS silent
FROM device d
JOIN source s ON s.id = d.source_id
LEFT JOIN LATERAL (
    SELECT max(l.time) AS last_seen FROM series e JOIN series_latest l ON l.series_id = e.id WHERE e.device_id = d.id
) l ON d.expected_interval_s IS NOT NULL
WHERE %(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s

-- name: note_size
INSERT INTO database_size (hour, bytes, log_bytes)
VALUES (date_trunc('hour', now()), pg_database_size(current_database()), %(log_bytes)s)
ON CONFLICT (hour) DO UPDATE SET bytes = excluded.bytes, log_bytes = excluded.log_bytes

-- name: forget
WITH intake AS (DELETE FROM intake_10m WHERE bucket < %(before)s)
DELETE FROM database_size WHERE hour < %(before)s
