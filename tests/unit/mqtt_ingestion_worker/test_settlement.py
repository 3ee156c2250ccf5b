from sens.mqtt_ingestion_worker.settlement import Settlement


def test_only_what_was_acknowledged_before_the_ping_is_settled():
    settlement = Settlement(10)
    settlement.acknowledged(20)
    settlement.asked()
    settlement.acknowledged(30)
    settlement.answered()
    assert settlement.settled == 20
    assert settlement.to_ask


def test_what_was_on_disk_before_a_reconnect_is_settled_by_the_second_ping_only():
    settlement = Settlement(5)
    settlement.connected(total=20)
    settlement.answered()
    assert settlement.settled == 5, "redeliveries came before this answer; their acknowledgements did not"
    settlement.asked()
    settlement.answered()
    assert settlement.settled == 20


def test_a_lost_connection_settles_nothing():
    settlement = Settlement(0)
    settlement.acknowledged(5)
    settlement.asked()
    settlement.disconnected()
    settlement.answered()
    assert settlement.settled == 0


def test_nothing_is_asked_while_an_answer_is_awaited_or_nothing_is_new():
    settlement = Settlement(0)
    assert not settlement.to_ask
    settlement.acknowledged(1)
    assert settlement.to_ask
    settlement.asked()
    assert not settlement.to_ask
