-- Who changed what. See storage/audit.py.

-- name: insert
INSERT INTO audit (tenant_id, actor_kind, actor_id, actor, action, object_kind, object_id, object, before, after,
                   request_id)
VALUES (%(tenant_id)s, %(actor_kind)s, %(actor_id)s, %(actor)s, %(action)s, %(object_kind)s, %(object_id)s, %(object)s,
        %(before)s::jsonb, %(after)s::jsonb, %(request_id)s)
RETURNING id

-- name: list
SELECT a.id, a.at, t.name AS tenant, a.actor_kind, a.actor_id, a.actor, a.action, a.object_kind, a.object_id, a.object,
       a.before, a.after, a.request_id
FROM audit a LEFT JOIN tenant t ON t.id = a.tenant_id
WHERE (%(tenant_id)s::int IS NULL OR a.tenant_id = %(tenant_id)s)
  AND (%(actor)s::text IS NULL OR a.actor = %(actor)s)
  AND (%(action)s::text IS NULL OR a.action = %(action)s)
  AND (%(object_kind)s::text IS NULL OR a.object_kind = %(object_kind)s)
  AND (%(object_id)s::bigint IS NULL OR a.object_id = %(object_id)s)
  AND (%(before)s::bigint IS NULL OR a.id < %(before)s)
ORDER BY a.id DESC
LIMIT %(limit)s
