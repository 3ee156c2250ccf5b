-- Which metric of a device people want to see first. Only adds: builds that know 0004 alone go on working.

-- NULL: nobody said, and it is that of its first series of numbers.
ALTER TABLE device ADD COLUMN main_metric text;
