-- Rollups: see storage/rollups.py for why each is a statement of its own.
-- A bucket's readings are aggregated with one array a bucket, whose ends are the first and the last value.

-- name: lock_rollup_writes
SELECT pg_advisory_xact_lock(%(key)s)

-- name: move_write_mark
UPDATE rollup_mark SET write_until = %(until)s WHERE write_until < %(until)s

-- name: read_marks
SELECT nullif(read_until, '-infinity'), nullif(write_until, '-infinity') FROM rollup_mark

-- name: lock_marks
SELECT nullif(read_until, '-infinity'), nullif(write_until, '-infinity') FROM rollup_mark FOR UPDATE

-- name: set_read_mark
UPDATE rollup_mark SET read_until = %(until)s

-- name: first_reading
SELECT min(first.time)
FROM series s
CROSS JOIN LATERAL (
    SELECT r.time FROM reading r
    WHERE r.series_id = s.id AND r.time >= coalesce(%(start)s::timestamptz, '-infinity') AND r.time < %(end)s
    ORDER BY r.time LIMIT 1
) first

-- By series, because the key of `reading` starts with it: a slice costs its readings and a descent for
-- each series, where a search by time alone would read the whole partition.
-- name: compute_slice
INSERT INTO reading_10m (series_id, bucket, count, sum, min, max, first, last)
SELECT s.id, b.bucket, cardinality(b.v), b.sum, b.min, b.max, b.v[1], b.v[cardinality(b.v)]
FROM series s
CROSS JOIN LATERAL (
    SELECT date_bin('10 minutes', r.time, '1970-01-01 00:00Z') AS bucket,
           sum(summable(r.value)) AS sum,
           min(r.value) AS min, max(r.value) AS max, array_agg(r.value ORDER BY r.time) AS v
    FROM reading r
    WHERE r.series_id = s.id AND r.time >= %(start)s AND r.time < %(end)s
    GROUP BY 1
) b
ON CONFLICT (series_id, bucket) DO UPDATE SET
    count = excluded.count, sum = excluded.sum, min = excluded.min, max = excluded.max,
    first = excluded.first, last = excluded.last
WHERE excluded.count >= reading_10m.count

-- name: peek_late_days
SELECT DISTINCT date_bin('1 day', m.bucket, '1970-01-01 00:00Z')
FROM (SELECT bucket FROM late_mark ORDER BY series_id, bucket LIMIT %(limit)s) m

-- name: take_late_marks
DELETE FROM late_mark
WHERE ctid = ANY (ARRAY(SELECT ctid FROM late_mark ORDER BY series_id, bucket LIMIT %(limit)s))
RETURNING series_id, bucket

-- Readings are never deleted but by retention, so a bucket that has fewer of them than its row counts
-- has lost them to it (a late reading for a time whose partition was dropped): the row stays.
-- name: recompute_buckets
INSERT INTO reading_10m (series_id, bucket, count, sum, min, max, first, last)
SELECT m.series_id, m.bucket, cardinality(b.v), b.sum, b.min, b.max, b.v[1], b.v[cardinality(b.v)]
FROM unnest(%(series)s::int[], %(buckets)s::timestamptz[]) AS m (series_id, bucket)
CROSS JOIN LATERAL (
    SELECT sum(summable(r.value)) AS sum,
           min(r.value) AS min, max(r.value) AS max, array_agg(r.value ORDER BY r.time) AS v
    FROM reading r
    WHERE r.series_id = m.series_id AND r.time >= m.bucket AND r.time < m.bucket + interval '10 minutes'
) b
WHERE b.v IS NOT NULL
ON CONFLICT (series_id, bucket) DO UPDATE SET
    count = excluded.count, sum = excluded.sum, min = excluded.min, max = excluded.max,
    first = excluded.first, last = excluded.last
WHERE excluded.count >= reading_10m.count
