-- The schema's revision. See storage/migrate.py.

-- name: has_revision
SELECT to_regclass('alembic_version') IS NOT NULL;

-- name: current_revision
SELECT version_num FROM alembic_version;

-- name: oldest_revision
SELECT oldest_revision FROM storage;

-- name: take_migration_lock
SELECT pg_advisory_lock(%s);
