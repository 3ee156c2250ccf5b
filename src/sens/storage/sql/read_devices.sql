-- Sources, devices and series as the API shows them. See storage/read_devices.py.
-- Names are ordered by their bytes, so that the order is the same on every server.

-- name: sources
SELECT s.id, s.name, t.name AS tenant, s.created_at,
       (SELECT count(*) FROM device d WHERE d.source_id = s.id) AS devices
FROM source s JOIN tenant t ON t.id = s.tenant_id
WHERE (%(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s)
  AND (%(after)s::text IS NULL OR s.name COLLATE "C" > %(after)s)
ORDER BY s.name COLLATE "C"
LIMIT %(limit)s

-- What is counted for a device is counted for the devices of the page only.
-- name: devices
SELECT d.id, d.name, d.source, d.tenant, d.created_at, c.series, c.last_seen, d.label, d.note, d.expected_interval_s,
       d.archived_at,
       coalesce(d.archived_at IS NULL
           AND coalesce(c.last_seen, d.created_at) < now() - make_interval(secs => 2 * d.expected_interval_s::float8),
           false) AS silent
FROM (
    SELECT d.id, d.name, s.name AS source, t.name AS tenant, d.created_at, d.label, d.note, d.expected_interval_s,
           d.archived_at
    FROM device d JOIN source s ON s.id = d.source_id JOIN tenant t ON t.id = s.tenant_id
    WHERE (%(id)s::int IS NULL OR d.id = %(id)s)
      AND (%(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s)
      AND (%(archived)s::bool IS NULL OR (d.archived_at IS NOT NULL) = %(archived)s)
      AND (%(q)s::text IS NULL OR strpos(lower(d.name), lower(%(q)s)) > 0 OR strpos(lower(d.label), lower(%(q)s)) > 0)
      AND (%(source)s::text IS NULL OR s.name = %(source)s)
      AND starts_with(d.name, %(prefix)s::text)
      AND (%(after_name)s::text IS NULL OR (d.name COLLATE "C", d.id) > (%(after_name)s::text, %(after_id)s::int))
    ORDER BY d.name COLLATE "C", d.id
    LIMIT %(limit)s
) d
CROSS JOIN LATERAL (
    SELECT count(*) AS series, max(l.time) AS last_seen
    FROM series s LEFT JOIN series_latest l ON l.series_id = s.id
    WHERE s.device_id = d.id
) c
ORDER BY d.name COLLATE "C", d.id

-- name: series
SELECT s.id, s.device_id, d.name AS device, o.name AS source, o.tenant_id, s.metric,
       coalesce(s.unit_shown, s.unit) AS unit, s.unit AS unit_sent, s.kind, s.created_at, s.display_name, s.precision
FROM series s JOIN device d ON d.id = s.device_id JOIN source o ON o.id = d.source_id
WHERE (%(ids)s::int[] IS NULL OR s.id = ANY (%(ids)s))
  AND (%(device_id)s::int IS NULL OR s.device_id = %(device_id)s)
  AND (%(device)s::text IS NULL OR d.name = %(device)s)
  AND (%(source)s::text IS NULL OR o.name = %(source)s)
  AND (%(metric)s::text IS NULL OR s.metric = %(metric)s)
  AND (%(tenant_id)s::int IS NULL OR o.tenant_id = %(tenant_id)s)
  AND (%(q)s::text IS NULL OR strpos(lower(s.metric), lower(%(q)s)) > 0 OR strpos(lower(s.display_name), lower(%(q)s)) > 0
       OR strpos(lower(d.name), lower(%(q)s)) > 0 OR strpos(lower(d.label), lower(%(q)s)) > 0)
  AND s.id > %(after)s
ORDER BY s.id
LIMIT %(limit)s

-- name: latest
SELECT s.id AS series_id, s.device_id, d.name AS device, o.name AS source, s.metric,
       coalesce(s.unit_shown, s.unit) AS unit, s.kind, l.time, l.value, l.text, extract(epoch FROM now() - l.time)::float8 AS age_s
FROM series s
JOIN series_latest l ON l.series_id = s.id
JOIN device d ON d.id = s.device_id JOIN source o ON o.id = d.source_id
WHERE (%(ids)s::int[] IS NULL OR s.id = ANY (%(ids)s))
  AND (%(device_id)s::int IS NULL OR s.device_id = %(device_id)s)
  AND (%(device)s::text IS NULL OR d.name = %(device)s)
  AND (%(source)s::text IS NULL OR o.name = %(source)s)
  AND (%(metric)s::text IS NULL OR s.metric = %(metric)s)
  AND (%(tenant_id)s::int IS NULL OR o.tenant_id = %(tenant_id)s)
  AND s.id > %(after)s
ORDER BY s.id
LIMIT %(limit)s
