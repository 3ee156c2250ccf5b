-- What is dropped when its time is over. See storage/retention.py.

-- name: has_late_marks_before
SELECT EXISTS (SELECT FROM late_mark WHERE bucket < %(before)s)
