-- Sessions of users, and the tokens that open one once. See storage/sessions.py.

-- name: start
WITH opened AS (
    UPDATE user_account SET last_login_at = now() WHERE id = %(user_id)s RETURNING id
)
INSERT INTO user_session (token_hash, user_id, csrf_token, expires_at)
SELECT %(token_hash)s, id, %(csrf_token)s, now() + make_interval(secs => %(max_s)s) FROM opened
RETURNING user_id

-- name: find
SELECT s.token_hash, s.csrf_token, s.user_id, u.name, u.role, u.tenant_id, t.name AS tenant,
       s.seen_at < now() - interval '1 minute' AS stale
FROM user_session s JOIN user_account u ON u.id = s.user_id LEFT JOIN tenant t ON t.id = u.tenant_id
WHERE s.token_hash = %(token_hash)s AND NOT u.disabled
  AND s.expires_at > now() AND s.seen_at > now() - make_interval(secs => %(idle_s)s)

-- name: touch
UPDATE user_session SET seen_at = now() WHERE token_hash = %(token_hash)s RETURNING user_id

-- name: end
DELETE FROM user_session WHERE token_hash = %(token_hash)s RETURNING user_id

-- name: end_of_user
DELETE FROM user_session
WHERE user_id = %(user_id)s AND token_hash IS DISTINCT FROM %(except_hash)s::bytea
RETURNING user_id

-- name: forget_login_tokens
DELETE FROM login_token WHERE user_id = %(user_id)s RETURNING user_id

-- Those that open nothing any more, and the oldest of a user who has very many.
-- name: sweep
WITH tokens AS (
    DELETE FROM login_token WHERE expires_at <= now()
)
DELETE FROM user_session
WHERE expires_at <= now() OR seen_at <= now() - make_interval(secs => %(idle_s)s)
   OR token_hash = ANY (ARRAY(
        SELECT token_hash FROM user_session WHERE user_id = %(user_id)s ORDER BY seen_at DESC OFFSET %(keep)s
   ))
RETURNING user_id

-- name: insert_login_token
INSERT INTO login_token (token_hash, user_id, expires_at)
VALUES (%(token_hash)s, %(user_id)s, now() + make_interval(secs => %(lasts_s)s))
RETURNING expires_at

-- name: take_login_token
WITH taken AS (
    DELETE FROM login_token WHERE token_hash = %(token_hash)s RETURNING user_id, expires_at
)
SELECT u.id, u.tenant_id, t.name AS tenant, u.name, u.role, u.password_hash, u.disabled, u.created_at, u.last_login_at
FROM taken JOIN user_account u ON u.id = taken.user_id LEFT JOIN tenant t ON t.id = u.tenant_id
WHERE taken.expires_at > now() AND NOT u.disabled
