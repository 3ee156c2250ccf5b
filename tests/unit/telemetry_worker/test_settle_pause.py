"""How often latest values are written while a backlog is worked off."""

from sens.telemetry_worker.pipeline import settle_pause_s


def test_settling_takes_a_tenth_of_the_time_and_is_never_put_off_for_long():
    assert settle_pause_s(0.001) == 0.25
    assert settle_pause_s(0.1) == 1.0
    assert settle_pause_s(60.0) == 2.0
