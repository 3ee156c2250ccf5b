-- The ledger and its totals: see storage/ledger.py and sens/domain/balance.py.

-- Rows, folded totals and seen tails in one statement: one snapshot, whatever is folded meanwhile.
-- name: read_books
SELECT s.name, b.session, b.epoch,
       sum(b.decoded)::bigint, sum(b.ignored)::bigint, sum(b.quarantined)::bigint,
       sum(b.readings)::bigint, sum(b.readings_stored)::bigint, sum(b.readings_duplicate)::bigint,
       sum(b.readings_conflict)::bigint,
       max(b.highest_total), max(b.acknowledged_total), sum(b.acknowledged_settled)::bigint
FROM (
    SELECT source_id, session, epoch,
           sum(decoded) AS decoded, sum(ignored) AS ignored, sum(quarantined) AS quarantined,
           sum(readings) AS readings, sum(readings_stored) AS readings_stored,
           sum(readings_duplicate) AS readings_duplicate, sum(readings_conflict) AS readings_conflict,
           max(total) AS highest_total,
           coalesce(max(total) FILTER (WHERE sequence <= %(acknowledged)s), 0) AS acknowledged_total,
           coalesce(sum(decoded + ignored + quarantined) FILTER (WHERE sequence <= %(acknowledged)s), 0)
               AS acknowledged_settled
    FROM ledger GROUP BY source_id, session, epoch
    UNION ALL
    SELECT source_id, session, epoch, decoded, ignored, quarantined,
           readings, readings_stored, readings_duplicate, readings_conflict,
           0, 0, decoded + ignored + quarantined
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

-- Rows whose envelope is purged: below the first sequence that the stream still holds of their subject,
-- or of a subject that it holds nothing of. A row with messages in quarantine stays, because replaying
-- one of them changes the row.
-- name: fold
WITH folded AS (
    DELETE FROM ledger
    WHERE envelope_id = ANY (ARRAY(
        SELECT l.envelope_id
        FROM ledger l
        JOIN source s ON s.id = l.source_id
        LEFT JOIN unnest(%(sources)s::text[], %(sessions)s::text[], %(sequences)s::bigint[])
            AS held (source, session, first_sequence) ON held.source = s.name AND held.session = l.session
        WHERE l.received_at < %(before)s
          AND (held.first_sequence IS NULL OR l.sequence < held.first_sequence)
          AND NOT EXISTS (SELECT FROM quarantine q WHERE q.envelope_id = l.envelope_id AND q.state = 0)
        ORDER BY l.received_at LIMIT %(limit)s
    ))
    RETURNING *
), summed AS (
    INSERT INTO ledger_total AS kept (source_id, session, epoch, decoded, ignored, quarantined,
        readings, readings_stored, readings_duplicate, readings_conflict)
    SELECT source_id, session, epoch, sum(decoded), sum(ignored), sum(quarantined),
           sum(readings), sum(readings_stored), sum(readings_duplicate), sum(readings_conflict)
    FROM folded GROUP BY source_id, session, epoch ORDER BY source_id, session, epoch
    ON CONFLICT (source_id, session, epoch) DO UPDATE SET
        decoded = kept.decoded + excluded.decoded,
        ignored = kept.ignored + excluded.ignored,
        quarantined = kept.quarantined + excluded.quarantined,
        readings = kept.readings + excluded.readings,
        readings_stored = kept.readings_stored + excluded.readings_stored,
        readings_duplicate = kept.readings_duplicate + excluded.readings_duplicate,
        readings_conflict = kept.readings_conflict + excluded.readings_conflict
), seen AS (
    INSERT INTO ledger_tail AS seen (source_id, session, epoch, total)
    SELECT source_id, session, epoch, max(total)
    FROM folded GROUP BY source_id, session, epoch ORDER BY source_id, session, epoch
    ON CONFLICT (source_id, session, epoch) DO UPDATE SET total = excluded.total, seen_at = now()
    WHERE excluded.total > seen.total
)
SELECT count(*) FROM folded
