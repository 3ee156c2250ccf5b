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

-- What is counted for a device is counted for the devices of the page only, but where the page is chosen by it:
-- `by_seen` says so. A device that sent nothing yet was seen before all others.
-- name: devices
SELECT d.id, d.name, d.source, d.tenant, d.created_at, c.series, c.last_seen, d.label, d.note, d.expected_interval_s,
       d.archived_at, d.main_metric, c.main_series_id,
       d.archived_at IS NULL AND is_overdue(coalesce(c.last_seen, d.created_at), d.expected_interval_s) AS silent
FROM (
    SELECT row_number() OVER () AS place, page.*
    FROM (
        SELECT d.*, s.name AS source, t.name AS tenant
        FROM device d JOIN source s ON s.id = d.source_id JOIN tenant t ON t.id = s.tenant_id
        LEFT JOIN LATERAL (
            SELECT max(l.time) AS time
            FROM series e JOIN series_latest l ON l.series_id = e.id
            WHERE e.device_id = d.id
        ) seen ON %(by_seen)s
        WHERE (%(id)s::int IS NULL OR d.id = %(id)s)
          AND (%(tenant_id)s::int IS NULL OR s.tenant_id = %(tenant_id)s)
          AND (%(archived)s::bool IS NULL OR (d.archived_at IS NOT NULL) = %(archived)s)
          AND NOT EXISTS (SELECT FROM unnest(%(words)s::text[]) AS word
                          WHERE strpos(lower(concat_ws(E'\n', d.name, d.label, s.name)), lower(word)) = 0)
          AND (%(source)s::text IS NULL OR s.name = %(source)s)
          AND starts_with(d.name, %(prefix)s::text)
          AND (%(silent)s::bool IS NULL OR %(silent)s =
               (d.archived_at IS NULL AND is_overdue(coalesce(seen.time, d.created_at), d.expected_interval_s)))
          AND (%(seen_since)s::timestamptz IS NULL OR seen.time >= %(seen_since)s)
          AND (%(unseen_since)s::timestamptz IS NULL OR coalesce(seen.time, '-infinity') < %(unseen_since)s)
          AND (%(after_id)s::int IS NULL OR CASE %(sort)s::text
               WHEN 'name' THEN (d.name COLLATE "C", d.id) > (%(after_name)s::text, %(after_id)s::int)
               WHEN 'last_seen' THEN (coalesce(seen.time, '-infinity'), d.id)
                                   > (coalesce(%(after_seen)s::timestamptz, '-infinity'), %(after_id)s::int)
               ELSE (coalesce(seen.time, '-infinity'), d.id)
                  < (coalesce(%(after_seen)s::timestamptz, '-infinity'), %(after_id)s::int) END)
        ORDER BY CASE %(sort)s::text WHEN 'name' THEN d.name COLLATE "C" END,
                 CASE %(sort)s::text WHEN 'last_seen' THEN coalesce(seen.time, '-infinity') END,
                 CASE %(sort)s::text WHEN '-last_seen' THEN coalesce(seen.time, '-infinity') END DESC,
                 CASE %(sort)s::text WHEN '-last_seen' THEN -d.id ELSE d.id END
        LIMIT %(limit)s
    ) page
) d
CROSS JOIN LATERAL (
    SELECT count(*) AS series, max(l.time) AS last_seen,
           coalesce(min(s.id) FILTER (WHERE s.kind = 0 AND s.metric = d.main_metric),
                    min(s.id) FILTER (WHERE s.kind = 0)) AS main_series_id
    FROM series s LEFT JOIN series_latest l ON l.series_id = s.id
    WHERE s.device_id = d.id
) c
ORDER BY d.place

-- name: series
SELECT s.id, s.device_id, d.name AS device, o.name AS source, o.tenant_id, s.metric,
       coalesce(s.unit_shown, s.unit) AS unit, s.unit AS unit_sent, s.kind, s.created_at, s.display_name, s.precision
FROM series s JOIN device d ON d.id = s.device_id JOIN source o ON o.id = d.source_id
LEFT JOIN series_latest l ON l.series_id = s.id
WHERE (%(ids)s::int[] IS NULL OR s.id = ANY (%(ids)s))
  AND (%(device_id)s::int IS NULL OR s.device_id = %(device_id)s)
  AND (%(device)s::text IS NULL OR d.name = %(device)s)
  AND (%(source)s::text IS NULL OR o.name = %(source)s)
  AND (%(metric)s::text IS NULL OR s.metric = %(metric)s)
  AND (%(tenant_id)s::int IS NULL OR o.tenant_id = %(tenant_id)s)
  AND NOT EXISTS (SELECT FROM unnest(%(words)s::text[]) AS word
                  WHERE strpos(lower(concat_ws(E'\n', s.metric, s.display_name, d.name, d.label, o.name)), lower(word)) = 0)
  AND (%(silent)s::bool IS NULL OR %(silent)s =
       (d.archived_at IS NULL AND is_overdue(coalesce(l.time, s.created_at), d.expected_interval_s)))
  AND (%(seen_since)s::timestamptz IS NULL OR l.time >= %(seen_since)s)
  AND (%(unseen_since)s::timestamptz IS NULL OR coalesce(l.time, '-infinity') < %(unseen_since)s)
  AND s.id > %(after)s
ORDER BY s.id
LIMIT %(limit)s

-- name: latest
SELECT s.id AS series_id, s.device_id, d.name AS device, o.name AS source, s.metric,
       coalesce(s.unit_shown, s.unit) AS unit, s.kind, l.time, l.value, l.text,
       extract(epoch FROM now() - l.time)::float8 AS age_s, is_overdue(l.time, d.expected_interval_s) AS stale
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
