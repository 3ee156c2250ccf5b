-- Tenants, and whose sources are. See storage/tenants.py.

-- name: find
SELECT id FROM tenant WHERE name = %(name)s

-- name: insert
INSERT INTO tenant (name) VALUES (%(name)s) ON CONFLICT DO NOTHING RETURNING id

-- name: owners
SELECT s.id, s.name, s.tenant_id, t.name AS tenant
FROM source s JOIN tenant t ON t.id = s.tenant_id
WHERE s.name = ANY (%(names)s)

-- name: insert_source
INSERT INTO source (tenant_id, name) VALUES (%(tenant_id)s, %(name)s) ON CONFLICT DO NOTHING
