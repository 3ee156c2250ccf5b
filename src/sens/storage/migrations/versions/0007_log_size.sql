-- How the log grows. Only adds: builds that know 0006 alone go on working; hours that they note have no size of the log.

-- NULL: not known.
ALTER TABLE database_size ADD COLUMN log_bytes bigint;
