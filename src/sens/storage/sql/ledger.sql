-- The ledger and its totals: see storage/ledger.py and sens/domain/balance.py.

-- Rows that are not summed yet, sums and seen tails in one statement: one snapshot, whatever is summed
-- meanwhile. What is summed was acknowledged then, and so is a row among it that a replay took out.
-- name: read_books
SELECT s.name, b.session, b.epoch,
       sum(b.decoded)::bigint, sum(b.ignored)::bigint, sum(b.quarantined)::bigint,
       sum(b.readings)::bigint, sum(b.readings_stored)::bigint, sum(b.readings_duplicate)::bigint,
       sum(b.readings_conflict)::bigint,
       max(b.highest_total), max(b.acknowledged_total), sum(b.acknowledged_settled)::bigint
FROM (
    SELECT source_id, session, epoch,
           sum(l.decoded) AS decoded, sum(l.ignored) AS ignored, sum(l.quarantined) AS quarantined,
           sum(l.readings) AS readings, sum(l.readings_stored) AS readings_stored,
           sum(l.readings_duplicate) AS readings_duplicate, sum(l.readings_conflict) AS readings_conflict,
           max(l.total) AS highest_total,
           coalesce(max(l.total) FILTER (WHERE l.sequence <= %(acknowledged)s OR l.total <= t.total), 0)
               AS acknowledged_total,
           coalesce(sum(l.decoded + l.ignored + l.quarantined)
                        FILTER (WHERE l.sequence <= %(acknowledged)s OR l.total <= t.total), 0)
               AS acknowledged_settled
    FROM ledger l LEFT JOIN ledger_total t USING (source_id, session, epoch)
    WHERE NOT l.summed
    GROUP BY source_id, session, epoch
    UNION ALL
    SELECT source_id, session, epoch, decoded, ignored, quarantined,
           readings, readings_stored, readings_duplicate, readings_conflict,
           total, total, decoded + ignored + quarantined
    FROM ledger_total
    UNION ALL
    SELECT source_id, session, epoch, 0, 0, 0, 0, 0, 0, 0, total, 0, 0
    FROM ledger_tail
) b
JOIN source s ON s.id = b.source_id
GROUP BY s.name, b.session, b.epoch

-- A tail is only ever raised: one below it is what shows a loss.
-- name: record_tails
INSERT INTO ledger_tail AS seen (source_id, session, epoch, total)
SELECT s.id, t.session, t.epoch, max(t.total)
FROM unnest(%(sources)s::text[], %(sessions)s::text[], %(epochs)s::bytea[], %(totals)s::bigint[])
    AS t (source, session, epoch, total)
JOIN source s ON s.name = t.source
GROUP BY s.id, t.session, t.epoch
ORDER BY s.id, t.session, t.epoch
ON CONFLICT (source_id, session, epoch) DO UPDATE SET total = excluded.total, seen_at = now()
WHERE excluded.total > seen.total

-- A row that a replay holds is left for the next time: waiting for it could be a deadlock.
-- name: sum
WITH taken AS (
    UPDATE ledger SET summed = true
    WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM ledger
        WHERE NOT summed AND sequence <= %(acknowledged)s
        ORDER BY sequence LIMIT %(limit)s
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING *
), added AS (
    INSERT INTO ledger_total AS kept (source_id, session, epoch, decoded, ignored, quarantined,
        readings, readings_stored, readings_duplicate, readings_conflict, total, covered)
    SELECT source_id, session, epoch, sum(decoded), sum(ignored), sum(quarantined),
           sum(readings), sum(readings_stored), sum(readings_duplicate), sum(readings_conflict),
           max(total), range_agg(int8range(total - decoded - ignored - quarantined, total, '(]'))
    FROM taken GROUP BY source_id, session, epoch ORDER BY source_id, session, epoch
    ON CONFLICT (source_id, session, epoch) DO UPDATE SET
        decoded = kept.decoded + excluded.decoded,
        ignored = kept.ignored + excluded.ignored,
        quarantined = kept.quarantined + excluded.quarantined,
        readings = kept.readings + excluded.readings,
        readings_stored = kept.readings_stored + excluded.readings_stored,
        readings_duplicate = kept.readings_duplicate + excluded.readings_duplicate,
        readings_conflict = kept.readings_conflict + excluded.readings_conflict,
        total = greatest(kept.total, excluded.total),
        covered = kept.covered + excluded.covered
    RETURNING 1
), charted AS (
    -- After the sums, as in take_out_of_sums: in another order the two would wait for each other in a circle.
    INSERT INTO intake_10m AS kept (source_id, bucket, messages, readings)
    SELECT source_id, date_bin('10 minutes', received_at, '1970-01-01 00:00Z'),
           sum(decoded + ignored + quarantined), sum(readings_stored)
    FROM taken WHERE (SELECT count(*) FROM added) > 0 GROUP BY 1, 2 ORDER BY 1, 2
    ON CONFLICT (source_id, bucket) DO UPDATE SET
        messages = kept.messages + excluded.messages,
        readings = kept.readings + excluded.readings
)
SELECT count(*) FROM taken

-- Before a row changes, it leaves the sums. The caller has locked it.
-- name: take_out_of_sums
WITH taken AS (
    UPDATE ledger SET summed = false WHERE envelope_id = ANY (%(id)s) AND summed RETURNING *
), charted AS (
    -- Nothing asks for its rows, so it comes after the statement below.
    UPDATE intake_10m i SET messages = i.messages - less.messages, readings = i.readings - less.readings
    FROM (
        SELECT source_id, date_bin('10 minutes', received_at, '1970-01-01 00:00Z') AS bucket,
               sum(decoded + ignored + quarantined) AS messages, sum(readings_stored) AS readings
        FROM taken GROUP BY 1, 2 ORDER BY 1, 2
    ) less
    WHERE i.source_id = less.source_id AND i.bucket = less.bucket
)
UPDATE ledger_total t SET
    decoded = t.decoded - less.decoded,
    ignored = t.ignored - less.ignored,
    quarantined = t.quarantined - less.quarantined,
    readings = t.readings - less.readings,
    readings_stored = t.readings_stored - less.stored,
    readings_duplicate = t.readings_duplicate - less.duplicate,
    readings_conflict = t.readings_conflict - less.conflict
FROM (
    SELECT source_id, session, epoch, sum(decoded) AS decoded, sum(ignored) AS ignored,
           sum(quarantined) AS quarantined, sum(readings) AS readings, sum(readings_stored) AS stored,
           sum(readings_duplicate) AS duplicate, sum(readings_conflict) AS conflict
    FROM taken GROUP BY source_id, session, epoch
) less
WHERE t.source_id = less.source_id AND t.session = less.session AND t.epoch = less.epoch

-- Summed rows whose envelope is purged: below the first sequence that the stream still holds of their
-- subject, or of a subject that it holds nothing of. A row with messages in quarantine stays, because
-- replaying one of them changes the row; so does one that no running total counts, as nothing would know
-- its envelope again.
-- name: fold
WITH folded AS (
    DELETE FROM ledger
    WHERE ctid = ANY (ARRAY(
        SELECT purged.ctid
        FROM (SELECT DISTINCT source_id, session FROM ledger_total) subject
        JOIN source s ON s.id = subject.source_id
        LEFT JOIN unnest(%(sources)s::text[], %(sessions)s::text[], %(sequences)s::bigint[])
            AS held (source, session, first_sequence) ON held.source = s.name AND held.session = subject.session
        CROSS JOIN LATERAL (
            SELECT l.ctid FROM ledger l
            WHERE l.source_id = subject.source_id AND l.session = subject.session
              AND l.sequence < coalesce(held.first_sequence, 9223372036854775807)
              AND l.summed AND l.total > 0
              AND NOT EXISTS (SELECT FROM quarantine q WHERE q.envelope_id = l.envelope_id AND q.state = 0)
            ORDER BY l.sequence LIMIT %(limit)s
            FOR UPDATE SKIP LOCKED
        ) purged
        LIMIT %(limit)s
    ))
    RETURNING source_id, session, epoch, received_at
), noted AS (
    UPDATE ledger_total t SET folded_until = greatest(t.folded_until, f.received_at)
    FROM (
        SELECT source_id, session, epoch, max(received_at) AS received_at
        FROM folded GROUP BY source_id, session, epoch
    ) f
    WHERE t.source_id = f.source_id AND t.session = f.session AND t.epoch = f.epoch
)
SELECT count(*) FROM folded
