-- Making and dropping partitions and chunks. See storage/partitions.py.

-- name: take_partition_lock
SELECT pg_advisory_xact_lock(%s);

-- name: limit_lock_wait
SELECT set_config('lock_timeout', %s, true);

-- name: is_attached
SELECT EXISTS (
    SELECT FROM pg_inherits
     WHERE inhparent = %s::text::regclass AND inhrelid = to_regclass(quote_ident(%s))
);

-- name: make_partition
CREATE TABLE {partition} (LIKE {table} INCLUDING ALL);

-- name: attach_partition
ALTER TABLE {table} ATTACH PARTITION {partition} FOR VALUES FROM ({start}) TO ({end});

-- name: list_partitions
SELECT c.relname::text
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = %s::text::regclass
 ORDER BY 1;

-- name: drop_partition
DROP TABLE IF EXISTS {partition};

-- name: list_chunks
SELECT format('%%I.%%I', chunk_schema, chunk_name), range_end
  FROM timescaledb_information.chunks
 WHERE hypertable_name = %s AND range_end <= %s
 ORDER BY range_end;

-- name: drop_chunks
SELECT drop_chunks(%s::text::regclass, older_than => %s::timestamptz)::text;
