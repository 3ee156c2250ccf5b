"""When a broker is pinged, and when it is given up."""

from sens.mqtt.keep_alive import Due, KeepAlive


def test_nothing_is_due_while_bytes_go_both_ways() -> None:
    watch = KeepAlive(60, 0.0)
    for now in range(0, 600, 10):
        watch.sent(now)
        watch.received(now)
        assert watch.due(now + 5, reading=True) is Due.NOTHING


def test_an_idle_connection_is_pinged_before_half_the_keep_alive_has_passed_twice() -> None:
    watch = KeepAlive(60, 0.0)
    assert watch.due(29, reading=True) is Due.NOTHING
    assert watch.due(30, reading=True) is Due.PING


def test_a_connection_that_only_receives_is_pinged_because_the_broker_wants_to_hear_us() -> None:
    watch = KeepAlive(60, 0.0)
    watch.received(29)
    assert watch.due(30, reading=True) is Due.PING


def test_a_connection_that_only_sends_is_pinged_to_hear_from_the_broker() -> None:
    watch = KeepAlive(60, 0.0)
    watch.sent(29)
    assert watch.due(30, reading=True) is Due.PING


def test_a_broker_that_answers_no_ping_is_given_up_after_one_and_a_half_keep_alives() -> None:
    watch = KeepAlive(60, 0.0)
    watch.sent(30)
    watch.pinged(asked=False)
    assert watch.due(59, reading=True) is Due.NOTHING
    watch.sent(60)
    assert watch.due(89, reading=True) is Due.NOTHING
    assert watch.due(90, reading=True) is Due.CLOSE


def test_any_bytes_show_that_a_broker_lives() -> None:
    watch = KeepAlive(60, 0.0)
    watch.pinged(asked=False)
    watch.received(80)
    watch.sent(90)
    assert watch.due(100, reading=True) is Due.NOTHING


def test_a_broker_is_never_given_up_while_we_do_not_read_but_still_hears_us() -> None:
    watch = KeepAlive(60, 0.0)
    watch.pinged(asked=False)
    assert watch.due(1000, reading=False) is Due.PING
    watch.sent(1000)
    assert watch.due(1001, reading=False) is Due.NOTHING


def test_keep_alive_0_asks_for_nothing() -> None:
    watch = KeepAlive(0, 0.0)
    watch.pinged(asked=True)
    assert watch.due(1e9, reading=True) is Due.NOTHING


def test_answers_belong_to_pings_in_order() -> None:
    watch = KeepAlive(60, 0.0)
    for asked in (False, True, False):
        watch.pinged(asked=asked)
    assert [watch.answered() for _ in range(4)] == [False, True, False, None]
