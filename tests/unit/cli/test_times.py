import pytest

from sens.cli.errors import WrongArgument
from sens.cli.times import DAY, HOUR, MINUTE, iso, parse_range, parse_time

NOW = 1_767_571_200_000_000  # 2026-01-05T00:00:00Z


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("now-1h", NOW - HOUR),
        ("-30m", NOW - 30 * MINUTE),
        ("now-2w", NOW - 14 * DAY),
        ("now+90d", NOW + 90 * DAY),
        ("2026-01-05T00:00:00Z", NOW),
        ("2026-01-05T01:00:00.000001+01:00", NOW + 1),
    ],
)
def test_times_are_read_as_the_api_reads_them(text: str, moment: int):
    assert parse_time(text, "--from", NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "1h", "now-1y", "2026-01-05T00:00:00", "2026-13-01T00:00:00Z"])
def test_what_is_no_time_is_said_with_what_to_write(text: str):
    with pytest.raises(WrongArgument, match=r"--from .*(write for example|add Z)"):
        parse_time(text, "--from", NOW)


def test_what_is_written_can_be_read():
    for moment in (0, NOW, NOW + 1, NOW + 999_999):
        assert parse_time(iso(moment), "--to", 0) == moment


def test_a_range_must_go_forward():
    start, end = parse_range("now-1h", "now")
    assert end - start == HOUR
    with pytest.raises(WrongArgument, match="must lie before"):
        parse_range("now", "now-1h")
