-- Tenants, sources, devices and series. See storage/sources.py and storage/series.py.
-- Inserts are sorted, so that two of them at once never wait for each other in a circle.

-- name: insert_tenants
INSERT INTO tenant (name)
SELECT DISTINCT name FROM unnest(%s::text[]) AS wanted (name) ORDER BY name
ON CONFLICT DO NOTHING;

-- name: insert_sources
INSERT INTO source (tenant_id, name)
SELECT tenant.id, wanted.name
  FROM unnest(%s::text[], %s::text[]) AS wanted (tenant, name) JOIN tenant ON tenant.name = wanted.tenant
 ORDER BY wanted.name
ON CONFLICT DO NOTHING;

-- name: find_sources
SELECT source.name, tenant.name, source.id
  FROM source JOIN tenant ON tenant.id = source.tenant_id
 WHERE source.name = ANY (%s);

-- name: find_devices
SELECT wanted.n, device.id
  FROM unnest(%s, %s::text[]) WITH ORDINALITY AS wanted (source_id, name, n)
  JOIN device ON device.source_id = wanted.source_id AND device.name = wanted.name;

-- name: count_devices
SELECT source_id, count(*) FROM device WHERE source_id = ANY (%s) GROUP BY source_id;

-- name: insert_devices
INSERT INTO device (source_id, name)
SELECT source_id, name FROM unnest(%s, %s::text[]) AS new (source_id, name) ORDER BY source_id, name
ON CONFLICT DO NOTHING;

-- name: find_series
SELECT wanted.n, series.id
  FROM unnest(%s, %s::text[], %s::text[], %s) WITH ORDINALITY AS wanted (device_id, metric, unit, kind, n)
  JOIN series ON series.device_id = wanted.device_id AND series.metric = wanted.metric
             AND series.unit = wanted.unit AND series.kind = wanted.kind;

-- name: find_last_times
SELECT series_id, time FROM series_latest WHERE series_id = ANY (%s);

-- name: count_series
SELECT device_id, count(*) FROM series WHERE device_id = ANY (%s) GROUP BY device_id;

-- name: insert_series
INSERT INTO series (device_id, metric, unit, kind)
SELECT device_id, metric, unit, kind
  FROM unnest(%s, %s::text[], %s::text[], %s) AS new (device_id, metric, unit, kind)
 ORDER BY device_id, metric, unit, kind
ON CONFLICT DO NOTHING;
