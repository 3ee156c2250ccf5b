-- API keys whose text is given by whoever deploys. See storage/declared_keys.py.

-- name: declare
INSERT INTO api_key (name, prefix, key_hash, scope)
VALUES (%(name)s, %(prefix)s, %(key_hash)s, %(scope)s)
ON CONFLICT (name) DO UPDATE SET
    prefix = excluded.prefix, key_hash = excluded.key_hash, scope = excluded.scope, expires_at = NULL, revoked_at = NULL,
    tenant_id = NULL
RETURNING id, name, prefix, key_hash, scope, tenant_id, NULL::text AS tenant, created_at, expires_at, revoked_at
