"""What counts as read by the broker, on one connection and over several."""

from sens.mqtt_ingestion_worker.settlement import Settlement

WAIT_S = 60.0


def answered_ping(settlement: Settlement, now: float) -> None:
    assert settlement.to_ask(now)
    settlement.asked(now)
    settlement.answered()


def reconnected(settled: int, total: int, *, now: float, may_come_again: bool = True) -> Settlement:
    """After the first PINGRESP of the connection."""
    settlement = Settlement(settled, WAIT_S)
    settlement.connected(total, now, may_come_again=may_come_again)
    settlement.answered()
    return settlement


def test_only_what_was_acknowledged_before_the_ping_is_settled():
    settlement = reconnected(10, 10, now=0, may_come_again=False)
    settlement.wrote(20)
    settlement.asked(1)
    settlement.wrote(30)
    settlement.answered()
    assert settlement.settled == 20
    assert settlement.to_ask(1)


def test_what_was_on_disk_before_a_reconnect_is_settled_only_after_the_redelivery_wait():
    settlement = reconnected(5, 20, now=100)
    assert settlement.held
    assert not settlement.to_ask(100 + WAIT_S - 1), "no answer would settle anything"
    assert settlement.settled == 5
    answered_ping(settlement, 100 + WAIT_S)
    assert settlement.settled == 20
    assert not settlement.held


def test_what_comes_during_the_redelivery_wait_is_read_but_not_settled():
    settlement = reconnected(5, 20, now=100)
    settlement.wrote(30)
    answered_ping(settlement, 101)
    assert (settlement.read, settlement.settled) == (30, 5)
    answered_ping(settlement, 100 + WAIT_S)
    assert settlement.settled == 30


def test_a_ping_that_was_asked_during_the_redelivery_wait_settles_nothing_when_it_is_answered_later():
    settlement = reconnected(5, 20, now=100)
    settlement.wrote(30)
    settlement.asked(100 + WAIT_S - 1)
    settlement.answered()
    assert settlement.settled == 5


def test_each_reconnect_begins_the_redelivery_wait_anew():
    settlement = reconnected(5, 20, now=100)
    settlement.disconnected()
    settlement.connected(25, 150, may_come_again=True)
    settlement.answered()
    assert not settlement.to_ask(100 + WAIT_S)
    answered_ping(settlement, 150 + WAIT_S)
    assert settlement.settled == 25


def test_a_reconnect_with_nothing_unsettled_waits_for_nothing():
    settlement = reconnected(20, 20, now=100, may_come_again=False)
    settlement.wrote(30)
    answered_ping(settlement, 101)
    assert settlement.settled == 30


def test_what_cannot_come_again_is_settled_at_once():
    settlement = reconnected(5, 20, now=100, may_come_again=False)
    assert settlement.settled == 20


def test_the_first_ping_of_a_connection_settles_nothing_even_without_a_redelivery_wait():
    settlement = Settlement(5, 0)
    settlement.connected(20, 100, may_come_again=True)
    settlement.answered()
    assert settlement.settled == 5, "redeliveries came before this answer; their acknowledgements did not"
    answered_ping(settlement, 100)
    assert settlement.settled == 20


def test_a_lost_connection_settles_nothing():
    settlement = reconnected(0, 0, now=0, may_come_again=False)
    settlement.wrote(5)
    settlement.asked(1)
    settlement.disconnected()
    settlement.answered()
    assert settlement.settled == 0


def test_nothing_is_asked_while_an_answer_is_awaited_or_nothing_is_new():
    settlement = reconnected(0, 0, now=0, may_come_again=False)
    assert not settlement.to_ask(1)
    settlement.wrote(1)
    assert settlement.to_ask(1)
    settlement.asked(1)
    assert not settlement.to_ask(1)
