-- Making and dropping partitions and chunks, by functions that run as the tables' owner. See storage/partitions.py.

-- name: take_partition_lock
SELECT pg_advisory_xact_lock(%s);

-- name: limit_lock_wait
SELECT set_config('lock_timeout', %s, true);

-- name: make_partition
SELECT make_partition(%s, %s);

-- name: list_partitions
SELECT c.relname::text
  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
 WHERE i.inhparent = %s::text::regclass
 ORDER BY 1;

-- name: drop_partition
SELECT drop_partition(%s, %s);

-- name: list_chunks
SELECT format('%%I.%%I', chunk_schema, chunk_name), range_end
  FROM timescaledb_information.chunks
 WHERE hypertable_name = %s AND range_end <= %s
 ORDER BY range_end;

-- name: drop_chunks
SELECT drop_chunks_before(%s, %s);
