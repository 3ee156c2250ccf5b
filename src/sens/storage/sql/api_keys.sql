-- API keys: only their hashes. See storage/api_keys.py.

-- name: insert
INSERT INTO api_key AS k (name, prefix, key_hash, scope, expires_at, tenant_id)
VALUES (%(name)s, %(prefix)s, %(key_hash)s, %(scope)s, %(expires_at)s, %(tenant_id)s)
RETURNING k.id, k.name, k.prefix, k.key_hash, k.scope, k.tenant_id,
          (SELECT t.name FROM tenant t WHERE t.id = k.tenant_id) AS tenant, k.created_at, k.expires_at, k.revoked_at

-- name: by_prefix
SELECT k.id, k.name, k.prefix, k.key_hash, k.scope, k.tenant_id, t.name AS tenant, k.created_at, k.expires_at,
       k.revoked_at
FROM api_key k LEFT JOIN tenant t ON t.id = k.tenant_id
WHERE k.prefix = %(prefix)s

-- name: list
SELECT k.id, k.name, k.prefix, k.key_hash, k.scope, k.tenant_id, t.name AS tenant, k.created_at, k.expires_at,
       k.revoked_at
FROM api_key k LEFT JOIN tenant t ON t.id = k.tenant_id
WHERE k.id > %(after)s AND (%(tenant_id)s::int IS NULL OR k.tenant_id = %(tenant_id)s)
ORDER BY k.id LIMIT %(limit)s

-- name: revoke
UPDATE api_key AS k SET revoked_at = coalesce(k.revoked_at, now())
WHERE k.id = %(id)s AND (%(tenant_id)s::int IS NULL OR k.tenant_id = %(tenant_id)s)
RETURNING k.id, k.name, k.prefix, k.key_hash, k.scope, k.tenant_id,
          (SELECT t.name FROM tenant t WHERE t.id = k.tenant_id) AS tenant, k.created_at, k.expires_at, k.revoked_at
