-- What the server offers, and making tables of it. See storage/kinds.py.

-- name: timescale_offered
-- The loader's setting tells that the extension is preloaded: without that, creating it ends the session.
SELECT current_setting('timescaledb.disable_load', true) IS NOT NULL
   AND EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb');

-- name: create_timescale
CREATE EXTENSION IF NOT EXISTS timescaledb;

-- name: timescale_licence
SELECT current_setting('timescaledb.license', true) FROM pg_extension WHERE extname = 'timescaledb';

-- name: storage_kind
SELECT kind FROM storage;

-- name: remember_kind
UPDATE storage SET kind = %s;

-- name: make_partitioned
-- A table is partitioned from its birth or never, so the empty one gives its columns to another.
ALTER TABLE {table} RENAME TO {uncut};
ALTER INDEX {key} RENAME TO {uncut_key};
CREATE TABLE {table} (LIKE {uncut} INCLUDING ALL) PARTITION BY RANGE ({time});
DROP TABLE {uncut};

-- name: make_hypertable
SELECT create_hypertable(
    %(table)s::text::regclass, %(time)s::name,
    chunk_time_interval => make_interval(days => %(days)s), create_default_indexes => false
);

-- name: enable_columnstore
ALTER TABLE {table} SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'series_id', timescaledb.compress_orderby = {time}
);

-- name: columnstore_policy
SELECT add_compression_policy(%(table)s::text::regclass, make_interval(days => %(days)s));
