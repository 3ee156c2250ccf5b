-- What an overview draws without counting all again: messages and readings by ten minutes, and the database's size by hour.
-- Only adds: builds that know 0002 alone go on working; what they sum up meanwhile is missing in the chart.

-- Of the ledger's rows that are summed; changed with them, in the same statement.
CREATE TABLE intake_10m (
    source_id int NOT NULL REFERENCES source,
    bucket    timestamptz NOT NULL,
    messages  bigint NOT NULL,
    readings  bigint NOT NULL,
    PRIMARY KEY (source_id, bucket)
);
CREATE INDEX intake_10m_bucket ON intake_10m (bucket);

INSERT INTO intake_10m (source_id, bucket, messages, readings)
SELECT source_id, date_bin('10 minutes', received_at, '1970-01-01 00:00Z'),
       sum(decoded + ignored + quarantined), sum(readings_stored)
FROM ledger WHERE summed GROUP BY 1, 2;

CREATE TABLE database_size (
    hour  timestamptz PRIMARY KEY,
    bytes bigint NOT NULL
);
