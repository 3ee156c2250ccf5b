-- API keys: only their hashes. See storage/api_keys.py.

-- name: insert
INSERT INTO api_key (name, prefix, key_hash, scope, expires_at)
VALUES (%(name)s, %(prefix)s, %(key_hash)s, %(scope)s, %(expires_at)s)
RETURNING id, name, prefix, key_hash, scope, created_at, expires_at, revoked_at

-- name: by_prefix
SELECT id, name, prefix, key_hash, scope, created_at, expires_at, revoked_at
FROM api_key WHERE prefix = %(prefix)s

-- name: list
SELECT id, name, prefix, key_hash, scope, created_at, expires_at, revoked_at
FROM api_key WHERE id > %(after)s ORDER BY id LIMIT %(limit)s

-- name: revoke
UPDATE api_key SET revoked_at = coalesce(revoked_at, now()) WHERE id = %(id)s
RETURNING id, name, prefix, key_hash, scope, created_at, expires_at, revoked_at
