from sens.domain.envelope import EnvelopeKind
from sens.mqtt.scanner import Oversize, Publishes
from sens.mqtt_ingestion_worker.packer import Packer


def piece(size: int, *ids: int) -> Publishes:
    return Publishes(bytes(size), len(ids), list(ids), [])


def test_pieces_leave_in_order_and_no_pack_is_larger_than_the_limit():
    packer = Packer(100)
    for at in range(6):
        packer.add(piece(40, at), received_at=at)
    packs = []
    while packer.messages:
        packs.append(packer.take())
    assert [pack.qos1 for pack in packs] == [[0, 1], [2, 3], [4, 5]]
    assert [pack.received_at for pack in packs] == [0, 2, 4]
    assert all(len(pack.body) <= 100 for pack in packs)
    assert packer.bytes == 0


def test_a_single_piece_above_the_limit_leaves_alone():
    packer = Packer(100)
    packer.add(piece(300, 1), 0)
    packer.add(piece(10, 2), 0)
    assert packer.full
    assert packer.take().qos1 == [1]
    assert packer.take().qos1 == [2]


def test_an_oversize_message_is_a_stub_between_its_neighbours():
    packer = Packer(100)
    packer.add(piece(10, 1), 0)
    packer.add_oversize(Oversize(b"\x34first bytes", 5_000_000, 2, 9), 5)
    packer.add(piece(10, 3), 7)
    first, stub, last = packer.take(), packer.take(), packer.take()
    assert (first.kind, stub.kind, last.kind) == (EnvelopeKind.RAW, EnvelopeKind.STUB, EnvelopeKind.RAW)
    assert (stub.messages, stub.qos1, stub.qos2, stub.received_at) == (1, [], [9], 5)
    assert (first.qos1, last.qos1) == ([1], [3])
    assert (packer.messages, packer.bytes) == (0, 0)
