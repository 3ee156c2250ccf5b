-- Readings into reading and reading_text. {table} is one of them, {staged} its temporary table.
-- See storage/readings.py.

-- name: make_staged
CREATE TEMPORARY TABLE IF NOT EXISTS {staged} ON COMMIT DELETE ROWS AS
SELECT 0 AS n, series_id, time, value FROM {table} WITH NO DATA;

-- name: copy_direct
COPY {table} (series_id, time, value) FROM STDIN (FORMAT binary)

-- name: copy_staged
COPY {staged} (n, series_id, time, value) FROM STDIN (FORMAT binary)

-- name: insert_staged
-- Returns what was there already. Sorted, so that two workers never wait for each other in a circle.
WITH inserted AS (
    INSERT INTO {table} (series_id, time, value)
    SELECT series_id, time, value FROM {staged} ORDER BY series_id, time
    ON CONFLICT DO NOTHING
    RETURNING series_id, time
)
SELECT n FROM {staged} AS staged
 WHERE NOT EXISTS (
    SELECT FROM inserted WHERE inserted.series_id = staged.series_id AND inserted.time = staged.time
);

-- name: stored_values
-- A subquery, not a join: it looks up by the key whatever the planner believes of the temporary table. The
-- bounds are the batch's: with them the planner leaves out all other partitions.
SELECT n, (SELECT value FROM {table} AS stored
            WHERE stored.series_id = staged.series_id AND stored.time = staged.time
              AND stored.time BETWEEN %(oldest)s AND %(newest)s)
  FROM {staged} AS staged
 WHERE n = ANY (%(n)s);
