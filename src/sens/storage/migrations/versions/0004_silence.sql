-- When something is overdue, said once. Only adds: builds that know 0003 alone go on working.

-- Nothing came for twice the interval in which something is expected; never where nobody said what is expected.
CREATE FUNCTION is_overdue(newest timestamptz, expected_interval_s int) RETURNS bool
LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(newest < now() - make_interval(secs => 2 * expected_interval_s::float8), false);
