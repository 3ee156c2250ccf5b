-- Users. See storage/users.py.

-- Whoever changes users waits for who changes them just now, so that two who look for the last admin do not both
-- find another one. Sessions and reads go on.
-- name: lock
LOCK TABLE user_account IN SHARE ROW EXCLUSIVE MODE

-- name: insert
INSERT INTO user_account AS u (tenant_id, name, role, password_hash)
VALUES (%(tenant_id)s, %(name)s, %(role)s, %(password_hash)s)
RETURNING u.id, u.tenant_id, (SELECT t.name FROM tenant t WHERE t.id = u.tenant_id) AS tenant, u.name, u.role,
          u.password_hash, u.disabled, u.created_at, u.last_login_at

-- name: by_name
SELECT u.id, u.tenant_id, t.name AS tenant, u.name, u.role, u.password_hash, u.disabled, u.created_at, u.last_login_at
FROM user_account u LEFT JOIN tenant t ON t.id = u.tenant_id
WHERE u.name = %(name)s

-- name: by_id
SELECT u.id, u.tenant_id, t.name AS tenant, u.name, u.role, u.password_hash, u.disabled, u.created_at, u.last_login_at
FROM user_account u LEFT JOIN tenant t ON t.id = u.tenant_id
WHERE u.id = %(id)s AND (%(tenant_id)s::int IS NULL OR u.tenant_id = %(tenant_id)s)

-- name: list
SELECT u.id, u.tenant_id, t.name AS tenant, u.name, u.role, u.password_hash, u.disabled, u.created_at, u.last_login_at
FROM user_account u LEFT JOIN tenant t ON t.id = u.tenant_id
WHERE u.id > %(after)s AND (%(tenant_id)s::int IS NULL OR u.tenant_id = %(tenant_id)s)
ORDER BY u.id
LIMIT %(limit)s

-- An admin of one tenant cannot run the platform.
-- name: platform_admins
SELECT u.id, u.tenant_id, NULL::text AS tenant, u.name, u.role, u.password_hash, u.disabled, u.created_at,
       u.last_login_at
FROM user_account u
WHERE u.role = 'admin' AND u.tenant_id IS NULL AND NOT u.disabled
ORDER BY u.id
LIMIT %(limit)s

-- name: change
UPDATE user_account SET role = %(role)s, password_hash = %(password_hash)s, disabled = %(disabled)s
WHERE id = %(id)s
RETURNING id

-- name: set_password
UPDATE user_account SET password_hash = %(password_hash)s WHERE id = %(id)s RETURNING id

-- name: delete
DELETE FROM user_account WHERE id = %(id)s RETURNING id
