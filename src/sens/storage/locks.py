"""Keys of the advisory locks, in one place so that none is given twice.

The high half spells "SENS": an application that shares the database server and numbers its own locks
from 1 does not meet ours.
"""

_SENS = 0x53454E53 << 32

MIGRATION_LOCK = _SENS | 1
"""Session lock, exclusive: one process migrates, others wait for it."""

LEADER_LOCK = _SENS | 2
"""Session lock, exclusive: its holder is the one maintenance leader, until its connection ends."""

ROLLUP_LOCK = _SENS | 3
"""Transaction lock around `rollup_mark.write_until`. A writer takes it shared, then reads the mark in a
later statement; the leader takes it exclusive to move the mark. So once the leader has it, every writer
that went by the old mark has committed or rolled back."""

PARTITION_LOCK = _SENS | 4
"""Transaction lock, exclusive: one process makes or drops partitions, others wait for it."""
