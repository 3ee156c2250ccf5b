-- Tenants. See storage/tenants.py.

-- name: find
SELECT id FROM tenant WHERE name = %(name)s

-- name: insert
INSERT INTO tenant (name) VALUES (%(name)s) ON CONFLICT DO NOTHING RETURNING id
