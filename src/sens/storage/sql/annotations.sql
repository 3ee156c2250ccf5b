-- What people say of devices and series. See storage/annotations.py.
-- NO KEY: the telemetry worker may add series to a device meanwhile.

-- name: lock_device
SELECT d.id, d.name, o.tenant_id, d.label, d.note, d.expected_interval_s, d.main_metric, d.archived_at
FROM device d JOIN source o ON o.id = d.source_id
WHERE d.id = %(id)s AND (%(tenant_id)s::int IS NULL OR o.tenant_id = %(tenant_id)s)
FOR NO KEY UPDATE OF d

-- name: change_device
UPDATE device
SET label = %(label)s, note = %(note)s, expected_interval_s = %(expected_interval_s)s,
    main_metric = %(main_metric)s,
    archived_at = CASE WHEN %(archived)s THEN coalesce(archived_at, now()) END
WHERE id = %(id)s
RETURNING id

-- name: lock_series
SELECT s.id, d.name || ' ' || s.metric AS name, o.tenant_id, s.display_name, s.unit_shown, s.precision
FROM series s JOIN device d ON d.id = s.device_id JOIN source o ON o.id = d.source_id
WHERE s.id = %(id)s AND (%(tenant_id)s::int IS NULL OR o.tenant_id = %(tenant_id)s)
FOR NO KEY UPDATE OF s

-- name: change_series
UPDATE series SET display_name = %(display_name)s, unit_shown = %(unit_shown)s, precision = %(precision)s
WHERE id = %(id)s
RETURNING id
