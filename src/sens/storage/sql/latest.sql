-- The newest reading of each series. See storage/latest.py.
-- Sorted by series, so that two workers never wait for each other in a circle.

-- name: upsert_numbers
INSERT INTO series_latest (series_id, time, value)
SELECT * FROM unnest(%s, %s, %s) AS new (series_id, time, value) ORDER BY series_id
ON CONFLICT (series_id) DO UPDATE SET time = excluded.time, value = excluded.value
 WHERE excluded.time > series_latest.time;

-- name: upsert_texts
INSERT INTO series_latest (series_id, time, text)
SELECT * FROM unnest(%s, %s, %s::text[]) AS new (series_id, time, text) ORDER BY series_id
ON CONFLICT (series_id) DO UPDATE SET time = excluded.time, text = excluded.text
 WHERE excluded.time > series_latest.time;

-- The bounds are those of the given times: with them the planner leaves out all other partitions.
-- name: upsert_stored_numbers
INSERT INTO series_latest (series_id, time, value)
SELECT series_id, time, stored.value
  FROM unnest(%(series)s, %(time)s) AS given (series_id, time)
 CROSS JOIN LATERAL (
       SELECT value FROM reading WHERE reading.series_id = given.series_id AND reading.time = given.time
           AND reading.time BETWEEN %(oldest)s AND %(newest)s
        OFFSET 0
       ) AS stored
 ORDER BY series_id
ON CONFLICT (series_id) DO UPDATE SET time = excluded.time, value = excluded.value
 WHERE excluded.time > series_latest.time;

-- name: upsert_stored_texts
INSERT INTO series_latest (series_id, time, text)
SELECT series_id, time, stored.value
  FROM unnest(%(series)s, %(time)s) AS given (series_id, time)
 CROSS JOIN LATERAL (
       SELECT value FROM reading_text AS r WHERE r.series_id = given.series_id AND r.time = given.time
           AND r.time BETWEEN %(oldest)s AND %(newest)s
        OFFSET 0
       ) AS stored
 ORDER BY series_id
ON CONFLICT (series_id) DO UPDATE SET time = excluded.time, text = excluded.text
 WHERE excluded.time > series_latest.time;
