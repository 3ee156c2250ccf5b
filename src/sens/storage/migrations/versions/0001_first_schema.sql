-- The first schema. reading, reading_text and reading_10m are made as ordinary tables here; the revision
-- then cuts them by time, into hypertables or native partitions: see storage/kinds.py.

-- kind: how the big tables are cut (sens.storage.kinds.StorageKind).
-- oldest_revision: a build that knows no revision this new cannot work with the schema. A migration that
-- older builds can live with leaves it alone.
CREATE TABLE storage (
    singleton       bool PRIMARY KEY DEFAULT true CHECK (singleton),
    kind            text,
    oldest_revision text NOT NULL
);
INSERT INTO storage (oldest_revision) VALUES ('0001');

CREATE TABLE tenant (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name       text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

-- A source's name is part of its JetStream subject, so it is unique over all tenants.
CREATE TABLE source (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant_id  int NOT NULL REFERENCES tenant,
    name       text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE device (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id  int NOT NULL REFERENCES source,
    name       text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (source_id, name)
);

-- kind: 0 number, 1 boolean, 2 text (sens.domain.columns.Kind)
CREATE TABLE series (
    id         int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    device_id  int NOT NULL REFERENCES device,
    metric     text NOT NULL,
    unit       text NOT NULL DEFAULT '',
    kind       smallint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (device_id, metric, unit, kind)
);

-- No foreign keys below: series are never deleted before their readings, and a check per reading
-- would halve the rate.
CREATE TABLE reading (
    series_id int NOT NULL,
    time      timestamptz NOT NULL,
    value     float8 NOT NULL,
    PRIMARY KEY (series_id, time)
);

CREATE TABLE reading_text (
    series_id int NOT NULL,
    time      timestamptz NOT NULL,
    value     text NOT NULL,
    PRIMARY KEY (series_id, time)
);

CREATE TABLE reading_10m (
    series_id int NOT NULL,
    bucket    timestamptz NOT NULL,
    count     bigint NOT NULL,
    sum       float8 NOT NULL,
    min       float8 NOT NULL,
    max       float8 NOT NULL,
    first     float8 NOT NULL,
    last      float8 NOT NULL,
    PRIMARY KEY (series_id, bucket)
);

-- A value as sums take it. Beyond ±1e290 it counts as infinite, because an overflowing sum is an error in
-- PostgreSQL, and one device that sends 1e308 twice would stop all rollups.
CREATE FUNCTION summable(value float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
    $$ SELECT CASE WHEN value BETWEEN -1e290 AND 1e290 THEN value ELSE value * 'Infinity'::float8 END $$;

-- Half of each page stays free, so that updates are heap-only.
CREATE TABLE series_latest (
    series_id int PRIMARY KEY,
    time      timestamptz NOT NULL,
    value     float8,
    text      text
) WITH (fillfactor = 50);

-- Readings that were written before the rollup's write mark. Append-only, taken by DELETE … RETURNING.
CREATE TABLE late_mark (
    series_id int NOT NULL,
    bucket    timestamptz NOT NULL
);
CREATE INDEX late_mark_series_bucket ON late_mark (series_id, bucket);

-- write_until: a reading before it is late. read_until: rollup rows before it may be trusted.
CREATE TABLE rollup_mark (
    singleton   bool PRIMARY KEY DEFAULT true CHECK (singleton),
    write_until timestamptz NOT NULL DEFAULT '-infinity',
    read_until  timestamptz NOT NULL DEFAULT '-infinity'
);
INSERT INTO rollup_mark DEFAULT VALUES;

-- One row an envelope: that the row exists is what makes "stored once" true.
-- summed: its counts are in ledger_total, so that the books need not add up all rows.
CREATE TABLE ledger (
    envelope_id        uuid PRIMARY KEY,
    source_id          int NOT NULL REFERENCES source,
    session            text NOT NULL,
    epoch              bytea NOT NULL,
    sequence           bigint NOT NULL,
    received_at        timestamptz NOT NULL,
    stored_at          timestamptz NOT NULL DEFAULT now(),
    total              bigint NOT NULL,
    decoded            int NOT NULL,
    ignored            int NOT NULL,
    quarantined        int NOT NULL,
    readings           int NOT NULL,
    readings_stored    int NOT NULL,
    readings_duplicate int NOT NULL,
    readings_conflict  int NOT NULL,
    summed             bool NOT NULL DEFAULT false
);
CREATE INDEX ledger_subject ON ledger (source_id, session, sequence);
CREATE INDEX ledger_unsummed ON ledger (sequence) WHERE NOT summed;

-- Ledger rows that are summed, and those that were folded: deleted, because their envelopes are purged.
-- total: the highest running total among them.
-- covered: which messages they are, by their numbers in the running total. A gap is what the database lost.
-- folded_until: the latest receive time of a folded envelope. One that was received until then, and is
-- covered, and has no row, is folded: delivered again, by a log restored to an older copy, it is known.
CREATE TABLE ledger_total (
    source_id          int NOT NULL REFERENCES source,
    session            text NOT NULL,
    epoch              bytea NOT NULL,
    decoded            bigint NOT NULL,
    ignored            bigint NOT NULL,
    quarantined        bigint NOT NULL,
    readings           bigint NOT NULL,
    readings_stored    bigint NOT NULL,
    readings_duplicate bigint NOT NULL,
    readings_conflict  bigint NOT NULL,
    total              bigint NOT NULL,
    covered            int8multirange NOT NULL,
    folded_until       timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (source_id, session, epoch)
);

-- The highest running total the leader has seen on each subject: a tail below it means loss.
CREATE TABLE ledger_tail (
    source_id int NOT NULL REFERENCES source,
    session   text NOT NULL,
    epoch     bytea NOT NULL,
    total     bigint NOT NULL,
    seen_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source_id, session, epoch)
);

-- state: 0 open, 1 replayed, 2 discarded. retained: as the broker sent the message.
CREATE TABLE quarantine (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source_id     int NOT NULL REFERENCES source,
    envelope_id   uuid NOT NULL,
    position      int NOT NULL,
    received_at   timestamptz NOT NULL,
    retained      bool NOT NULL DEFAULT false,
    topic         bytea NOT NULL,
    payload       bytea NOT NULL,
    reason        text NOT NULL,
    detail        text NOT NULL,
    state         smallint NOT NULL DEFAULT 0,
    changed_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (envelope_id, position, reason)
);
CREATE INDEX quarantine_source_state ON quarantine (source_id, state, id);

-- What came after a source's quarantine was full: counted, with one sample a topic and reason.
CREATE TABLE quarantine_overflow (
    source_id int NOT NULL REFERENCES source,
    reason    text NOT NULL,
    topic     bytea NOT NULL,
    count     bigint NOT NULL,
    first_at  timestamptz NOT NULL,
    last_at   timestamptz NOT NULL,
    sample    bytea NOT NULL,
    PRIMARY KEY (source_id, reason, topic)
);

CREATE TABLE api_key (
    id           int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text NOT NULL UNIQUE,
    prefix       text NOT NULL UNIQUE,
    key_hash     text NOT NULL,
    scope        text NOT NULL CHECK (scope IN ('read', 'operate', 'admin')),
    created_at   timestamptz NOT NULL DEFAULT now(),
    expires_at   timestamptz,
    revoked_at   timestamptz
);
