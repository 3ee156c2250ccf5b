-- Making and dropping partitions and chunks, for a role that owns no table: functions that run as the owner do it, with
-- the big tables only. Their caller holds the lock: see storage/partitions.py.
-- Only adds: builds that know 0005 alone go on working, as the owner.

-- Partitions start on Mondays, and are as wide as storage/kinds.py has it.
CREATE FUNCTION partition_days(parent text) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF parent IN ('reading', 'reading_text') THEN
        RETURN 7;
    ELSIF parent = 'reading_10m' THEN
        RETURN 91;
    END IF;
    RAISE 'no table that is cut by time is called %', parent;
END $$;

CREATE FUNCTION partition_name(parent text, first_day date) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT AS $$
BEGIN
    IF (first_day - date '1970-01-05') % partition_days(parent) <> 0 THEN
        RAISE 'no partition of % starts on %', parent, first_day;
    END IF;
    RETURN format('%s_p%s', parent, to_char(first_day, 'YYYYMMDD'));
END $$;

-- Temporary tables come last: else a caller's would be taken for one of the owner's.
CREATE FUNCTION has_partition(parent text, partition text) RETURNS bool LANGUAGE sql STABLE STRICT
SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM pg_inherits WHERE inhparent = parent::regclass AND inhrelid = to_regclass(quote_ident(partition))
    )
$$;

CREATE FUNCTION make_partition(parent text, first_day date) RETURNS bool LANGUAGE plpgsql STRICT
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    partition text := partition_name(parent, first_day);
    until date := first_day + partition_days(parent);
BEGIN
    IF has_partition(parent, partition) THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', partition, parent);
    EXECUTE format(
        'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, partition,
        first_day::timestamp AT TIME ZONE 'UTC', until::timestamp AT TIME ZONE 'UTC'
    );
    RETURN true;
END $$;

CREATE FUNCTION drop_partition(parent text, first_day date) RETURNS void LANGUAGE plpgsql STRICT
SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    partition text := partition_name(parent, first_day);
BEGIN
    IF has_partition(parent, partition) THEN
        EXECUTE format('DROP TABLE %I', partition);
    END IF;
END $$;

CREATE FUNCTION drop_chunks_before(parent text, until timestamptz) RETURNS void LANGUAGE plpgsql STRICT
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM partition_days(parent);
    PERFORM drop_chunks(parent::regclass, older_than => until);
END $$;

REVOKE ALL ON FUNCTION
    summable, is_overdue, partition_days, partition_name, has_partition, make_partition, drop_partition, drop_chunks_before
FROM PUBLIC;
