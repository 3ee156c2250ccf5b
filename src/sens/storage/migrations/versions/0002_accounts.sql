-- Accounts: who may log in, their sessions, who changed what; and what people say of devices and series.
-- Only adds: builds that know 0001 alone go on working.

-- tenant_id NULL: all tenants. password_hash NULL: no password yet, only a login link opens a session.
CREATE TABLE user_account (
    id            int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id     int REFERENCES tenant,
    name          text NOT NULL UNIQUE CHECK (name = lower(name)),
    role          text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
    password_hash text,
    disabled      bool NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL DEFAULT now(),
    last_login_at timestamptz
);

-- Of tokens only the SHA-256 is kept: they are random, so nobody guesses one from its hash.
CREATE TABLE user_session (
    token_hash bytea PRIMARY KEY,
    user_id    int NOT NULL REFERENCES user_account ON DELETE CASCADE,
    csrf_token text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX user_session_user ON user_session (user_id);

-- One use: it is taken by DELETE … RETURNING.
CREATE TABLE login_token (
    token_hash bytea PRIMARY KEY,
    user_id    int NOT NULL REFERENCES user_account ON DELETE CASCADE,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz NOT NULL
);
CREATE INDEX login_token_user ON login_token (user_id);

-- tenant_id: whose object it is; NULL: the platform's. Names are as they were then: what they name may be gone.
CREATE TABLE audit (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL DEFAULT now(),
    tenant_id   int REFERENCES tenant,
    actor_kind  text NOT NULL CHECK (actor_kind IN ('user', 'api_key')),
    actor_id    int NOT NULL,
    actor       text NOT NULL,
    action      text NOT NULL,
    object_kind text NOT NULL,
    object_id   bigint,
    object      text NOT NULL,
    before      jsonb,
    after       jsonb,
    request_id  text NOT NULL
);
CREATE INDEX audit_object ON audit (object_kind, object_id, id);

ALTER TABLE api_key ADD COLUMN tenant_id int REFERENCES tenant;

ALTER TABLE device
    ADD COLUMN label               text,
    ADD COLUMN note                text,
    ADD COLUMN expected_interval_s int,
    ADD COLUMN archived_at         timestamptz;

ALTER TABLE series
    ADD COLUMN display_name text,
    ADD COLUMN unit_shown   text,
    ADD COLUMN precision    smallint;
