-- Readings of one series. See storage/read_readings.py.

-- name: raw
SELECT time, value FROM reading
WHERE series_id = %(series)s AND time >= %(start)s AND time < %(end)s
ORDER BY time LIMIT %(limit)s

-- name: raw_newest_first
SELECT time, value FROM reading
WHERE series_id = %(series)s AND time >= %(start)s AND time < %(end)s
ORDER BY time DESC LIMIT %(limit)s

-- name: text
SELECT time, value FROM reading_text
WHERE series_id = %(series)s AND time >= %(start)s AND time < %(end)s
ORDER BY time LIMIT %(limit)s

-- name: text_newest_first
SELECT time, value FROM reading_text
WHERE series_id = %(series)s AND time >= %(start)s AND time < %(end)s
ORDER BY time DESC LIMIT %(limit)s

-- Buckets of seconds or minutes; `start` and `end` are where one begins.
-- name: fine_aggregates
SELECT bucket, cardinality(v)::bigint, sum, min, max, v[1], v[cardinality(v)]
FROM (
    SELECT date_bin(%(width)s, time, '1970-01-01 00:00Z') AS bucket,
           sum(summable(value)) AS sum, min(value) AS min, max(value) AS max, array_agg(value ORDER BY time) AS v
    FROM reading
    WHERE series_id = %(series)s AND time >= %(start)s AND time < %(end)s
    GROUP BY 1
) a
ORDER BY bucket
LIMIT %(limit)s

-- One statement, so one snapshot: marks, rollup rows, late marks and raw readings fit each other.
--   rolled    rows of ten minutes that the rollup may be trusted for; `cut`: a bucket of the answer ends
--             within it (a day in a zone like UTC+05:45), so it has to be divided
--   doubtful  ten minutes to be taken from raw readings all the same
--   raw       the doubtful ones and all after the read mark, by ten minutes and bucket of the answer
--   parts     rolled or raw, whichever has more readings: fewer raw ones are the rest of what retention dropped
-- `oldest` and `newest` lie outside of all that is looked at: the planner sees them, and leaves out all other
-- partitions.
-- `ten` is a row's ten minutes, `bucket` the bucket of the answer that it goes into.
-- name: aggregates
WITH bounds AS MATERIALIZED (
    SELECT CASE %(unit)s::text WHEN '10m' THEN date_bin('10 minutes', %(start)s, '1970-01-01 00:00Z')
                               ELSE date_trunc(%(unit)s, %(start)s::timestamptz, %(zone)s) END AS first,
           %(end)s::timestamptz + CASE %(unit)s::text WHEN '10m' THEN interval '10 minutes'
                                                      WHEN 'hour' THEN interval '1 hour'
                                                      ELSE interval '26 hours' END AS scan_end,
           read_until
    FROM rollup_mark
), scan AS MATERIALIZED (
    SELECT date_bin('10 minutes', first, '1970-01-01 00:00Z') AS start FROM bounds
), rolled AS MATERIALIZED (
    -- A bucket that begins on full ten minutes is that of all of them: the zone does not divide any.
    SELECT *, CASE WHEN date_bin('10 minutes', bucket, '1970-01-01 00:00Z') = bucket THEN false
                   ELSE date_trunc(%(cut_unit)s, ten + interval '9 minutes 59.999999 seconds', %(zone)s) <> bucket
              END AS cut
    FROM (
        SELECT r.bucket AS ten,
               CASE %(unit)s::text WHEN '10m' THEN r.bucket ELSE date_trunc(%(unit)s, r.bucket, %(zone)s) END AS bucket,
               r.count, r.sum, r.min, r.max, r.first, r.last
        FROM reading_10m r
        WHERE r.series_id = %(series)s AND r.bucket >= (SELECT start FROM scan)
          AND r.bucket < (SELECT least(scan_end, read_until) FROM bounds)
          AND r.bucket >= %(oldest)s AND r.bucket < %(newest)s
        OFFSET 0
    ) r
), doubtful AS MATERIALIZED (
    SELECT m.bucket AS ten FROM late_mark m
    WHERE m.series_id = %(series)s AND m.bucket >= (SELECT start FROM scan)
      AND m.bucket < (SELECT least(scan_end, read_until) FROM bounds)
    UNION
    SELECT ten FROM rolled WHERE cut
), raw AS MATERIALIZED (
    SELECT ten, bucket, cardinality(v)::bigint AS count, sum, min, max, v[1] AS first, v[cardinality(v)] AS last
    FROM (
        SELECT date_bin('10 minutes', r.time, '1970-01-01 00:00Z') AS ten,
               CASE %(unit)s::text WHEN '10m' THEN date_bin('10 minutes', r.time, '1970-01-01 00:00Z')
                                   ELSE date_trunc(%(unit)s, r.time, %(zone)s) END AS bucket,
               sum(summable(r.value)) AS sum,
               min(r.value) AS min, max(r.value) AS max, array_agg(r.value ORDER BY r.time) AS v
        FROM reading r
        WHERE r.series_id = %(series)s
          AND r.time >= (SELECT greatest(start, read_until) FROM scan, bounds)
          AND r.time < (SELECT scan_end FROM bounds)
          AND r.time >= %(oldest)s AND r.time < %(newest)s
        GROUP BY 1, 2
        UNION ALL
        SELECT d.ten, b.bucket, b.sum, b.min, b.max, b.v
        FROM doubtful d
        CROSS JOIN LATERAL (
            SELECT CASE %(unit)s::text WHEN '10m' THEN d.ten
                                       ELSE date_trunc(%(unit)s, r.time, %(zone)s) END AS bucket,
                   sum(summable(r.value)) AS sum,
                   min(r.value) AS min, max(r.value) AS max, array_agg(r.value ORDER BY r.time) AS v
            FROM reading r
            WHERE r.series_id = %(series)s AND r.time >= d.ten AND r.time < d.ten + interval '10 minutes'
              AND r.time >= %(oldest)s AND r.time < %(newest)s
            GROUP BY 1
        ) b
    ) a
), counted AS MATERIALIZED (
    SELECT w.ten, sum(w.count) >= coalesce(max(o.count), 0) AS whole
    FROM raw w LEFT JOIN rolled o ON o.ten = w.ten
    GROUP BY w.ten
), parts AS (
    SELECT ten, bucket, count, sum, min, max, first, last FROM rolled
    WHERE ten NOT IN (SELECT ten FROM counted WHERE whole)
    UNION ALL
    SELECT ten, bucket, count, sum, min, max, first, last FROM raw
    WHERE ten IN (SELECT ten FROM counted WHERE whole)
)
SELECT bucket, sum(count)::bigint, sum(sum), min(min), max(max),
       (array_agg(first ORDER BY ten))[1], (array_agg(last ORDER BY ten))[count(*)]
FROM parts
WHERE bucket >= (SELECT first FROM bounds) AND bucket < %(end)s
GROUP BY bucket
ORDER BY bucket
LIMIT %(limit)s
