"""One subject, one owner: claiming, exact retries, fencing and reading the tail, on a real nats-server."""

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from sens.domain.envelope import EnvelopeKind, unpack
from sens.mqtt_ingestion_worker.packer import Pack
from sens.mqtt_ingestion_worker.subject_log import Fenced, SubjectLog
from sens.stream.connection import StreamConnection, connect
from sens.stream.errors import StreamAway
from sens.stream.raw import RawStream, RawStreamSettings
from servers import Nats


@pytest.fixture
async def connection(nats_server: Nats) -> AsyncIterator[StreamConnection]:
    made = await connect(nats_server.url, name="test", stopping=asyncio.Event())
    yield made
    await made.close()


@pytest.fixture
async def stream(connection: StreamConnection) -> RawStream:
    return await RawStream.ensure(connection, RawStreamSettings(64 * 1024 * 1024))


@pytest.fixture
def source() -> str:
    return f"s{secrets.token_hex(4)}"


def content(messages: int = 1, received_at: int = 0) -> Pack:
    return Pack(EnvelopeKind.RAW, b"x" * messages, messages, received_at)


async def owner(stream: RawStream, source: str) -> SubjectLog:
    log = SubjectLog(stream, source, "exclusive")
    await log.claim(4)
    return log


async def totals(log: SubjectLog, settled: int) -> list[int]:
    return [envelope.total async for envelope in log.recent(settled)]


async def test_running_totals_go_on_after_a_restart(stream: RawStream, source: str):
    first = await owner(stream, source)
    await first.append(content(3), 4, settled=0)
    await first.append(content(4), 4, settled=3)
    second = await owner(stream, source)
    assert (second.tail.total, second.tail.settled) == (7, 3)
    assert await second.append(content(2), 4, settled=7) == 9


async def test_receive_times_never_go_back_after_a_restart(stream: RawStream, source: str):
    first = await owner(stream, source)
    ahead = 4_000_000_000_000_000
    await first.append(content(5, received_at=ahead), 4, settled=0)
    second = await owner(stream, source)
    await second.append(content(1, received_at=1), 4, settled=0)
    stored = await stream.last(second.subject)
    assert stored is not None
    assert unpack(stored.data).received_at >= ahead + 5


async def test_members_of_a_shared_source_never_give_the_same_receive_time(stream: RawStream, source: str):
    times = list[int]()
    for member in (0, 1, 15):
        log = SubjectLog(stream, source, f"shared-{member}", member)
        await log.claim(4)
        for _ in range(3):
            await log.append(content(5, received_at=4_000_000_000_000_000), 4, settled=0)
        envelopes = [unpack(stored.data) async for stored in stream.read(subjects=log.subject)]
        own = [e.received_at + n * e.step_us for e in envelopes for n in range(e.messages)]
        assert own == sorted(own)
        times += own
    assert len(set(times)) == 45


async def test_a_former_owner_is_refused_once_another_has_claimed(stream: RawStream, source: str):
    former = await owner(stream, source)
    await former.append(content(), 4, settled=0)
    present = await owner(stream, source)
    with pytest.raises(Fenced):
        await former.append(content(), 4, settled=0)
    assert await present.append(content(), 4, settled=0) == 2


async def test_a_publish_whose_answer_was_lost_is_not_stored_twice(
    stream: RawStream, source: str, monkeypatch: pytest.MonkeyPatch
):
    log = await owner(stream, source)
    real, lost = stream.publish, 0

    async def publish_and_lose_the_answer(*args: object, **kwargs: object) -> int:
        nonlocal lost
        sequence = await real(*args, **kwargs)  # type: ignore[arg-type]  # the arguments of the real one
        if lost < 2:
            lost += 1
            raise StreamAway("the answer was lost")
        return sequence

    monkeypatch.setattr(stream, "publish", publish_and_lose_the_answer)
    await log.append(content(5), 4, settled=0)
    await log.append(content(1), 4, settled=0)
    assert lost == 2
    envelopes = [unpack(stored.data) async for stored in stream.read(subjects=log.subject)]
    assert [envelope.messages for envelope in envelopes] == [0, 5, 1]
    assert [envelope.total for envelope in envelopes] == [0, 5, 6]


async def test_recent_is_what_came_after_the_last_settled_message(stream: RawStream, source: str):
    log = await owner(stream, source)
    for _ in range(5):
        await log.append(content(10), 4, settled=0)
    assert await totals(log, settled=30) == [50, 40]
    assert await totals(log, settled=50) == []
    assert await totals(log, settled=0) == [50, 40, 30, 20, 10]


async def test_recent_stops_where_the_log_was_purged(stream: RawStream, source: str):
    log = await owner(stream, source)
    for _ in range(4):
        await log.append(content(1), 4, settled=0)
    await stream.purge(log.subject, log.tail.sequence)
    assert await totals(log, settled=0) == [4]


async def test_a_new_life_of_the_stream_starts_totals_anew(tmp_path: Path):
    server = Nats(tmp_path)
    server.start()
    try:
        made = await connect(server.url, name="test", stopping=asyncio.Event())
        stream = await RawStream.ensure(made, RawStreamSettings(64 * 1024 * 1024))
        log = await owner(stream, "plant")
        await log.append(content(5), 4, settled=0)
        await stream.renew_epoch()
        again = await owner(stream, "plant")
        assert again.epoch != log.epoch
        assert (again.tail.total, again.tail.settled) == (0, 0)
        assert await again.append(content(2), 4, settled=0) == 2
        assert [envelope.messages async for envelope in again.recent(0)] == [2, 5], "of the former life, too"
        await made.close()
    finally:
        server.stop()


class RestoredLog:
    """A server of its own whose log goes back to copies of it."""

    def __init__(self, folder: Path) -> None:
        self.server = Nats(folder / "nats")
        self._copies = folder

    def copy(self, name: str) -> None:
        self.server.stop()
        shutil.copytree(self.server.folder / "jetstream", self._copies / name)
        self.server.start()

    def restore(self, name: str) -> None:
        self.server.stop()
        shutil.rmtree(self.server.folder / "jetstream")
        shutil.copytree(self._copies / name, self.server.folder / "jetstream")
        self.server.start()


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[RestoredLog]:
    made = RestoredLog(tmp_path)
    made.server.start()
    yield made
    made.server.stop()


@pytest.fixture
async def own_stream(restored: RestoredLog) -> AsyncIterator[RawStream]:
    made = await connect(restored.server.url, name="test", stopping=asyncio.Event())
    yield await RawStream.ensure(made, RawStreamSettings(64 * 1024 * 1024))
    await made.close()


async def back(stream: RawStream) -> RawStream:
    """The stream when its server is there again."""
    for _ in range(200):
        with contextlib.suppress(StreamAway):
            await stream.refresh()
            return stream
        await asyncio.sleep(0.05)
    raise AssertionError("the server does not come back")


async def written(stream: RawStream) -> list[tuple[bytes, int, int]]:
    """(epoch, messages, running total) of each envelope in the log."""
    state = await stream.state()
    found = [await stream.get(sequence) for sequence in range(1, state.last_sequence + 1)]
    envelopes = [unpack(stored.data) for stored in found if stored is not None]
    return [(envelope.epoch, envelope.messages, envelope.total) for envelope in envelopes]


async def test_where_the_log_went_back_its_owner_tells_what_was_confirmed_and_begins_a_new_epoch(
    restored: RestoredLog, own_stream: RawStream
):
    log = await owner(own_stream, "plant")
    old = log.epoch
    assert await log.append(content(5), 4, settled=0) == 5
    restored.copy("five")
    await back(own_stream)
    assert await log.append(content(4), 4, settled=0) == 9
    restored.restore("five")
    await back(own_stream)
    with pytest.raises(Fenced):
        await log.append(content(2), 4, settled=0)
    await log.claim(4)
    assert await log.append(content(2), 4, settled=0) == 2
    assert log.epoch != old
    assert await written(own_stream) == [(old, 0, 0), (old, 5, 5), (old, 0, 9), (log.epoch, 0, 0), (log.epoch, 2, 2)]
    assert [envelope.messages async for envelope in log.recent(0)] == [2, 5], "of the former life, too"


async def test_it_tells_also_when_others_began_the_new_epoch_and_wrote_first(
    restored: RestoredLog, own_stream: RawStream
):
    log = await owner(own_stream, "plant")
    old = log.epoch
    await log.append(content(5), 4, settled=0)
    restored.copy("five")
    await back(own_stream)
    await log.append(content(4), 4, settled=0)
    restored.restore("five")
    await back(own_stream)
    await own_stream.renew_epoch()
    standby = await owner(own_stream, "plant")
    await standby.append(content(7), 4, settled=0)
    await log.claim(4)
    assert (old, 0, 9) in await written(own_stream)
    assert log.epoch == standby.epoch
    assert await log.append(content(1), 4, settled=0) == 8, "the new epoch's totals go on"
    with pytest.raises(Fenced):
        await standby.append(content(1), 4, settled=0)


async def test_it_tells_again_when_the_same_copy_is_restored_once_more(restored: RestoredLog, own_stream: RawStream):
    log = await owner(own_stream, "plant")
    first = log.epoch
    restored.copy("empty")
    await back(own_stream)
    await log.append(content(4), 4, settled=0)
    restored.restore("empty")
    await back(own_stream)
    await log.claim(4)
    second = log.epoch
    await log.append(content(3), 4, settled=0)
    restored.restore("empty")
    await back(own_stream)
    await log.claim(4)
    assert {(first, 0, 4), (second, 0, 3)} <= set(await written(own_stream))
    assert log.epoch not in (first, second)


async def test_a_log_made_anew_is_told_what_the_former_one_had(restored: RestoredLog, own_stream: RawStream):
    log = await owner(own_stream, "plant")
    old = log.epoch
    await log.append(content(4), 4, settled=0)
    restored.server.stop()
    shutil.rmtree(restored.server.folder / "jetstream")
    restored.server.start()
    for _ in range(200):
        with contextlib.suppress(StreamAway):
            again = await RawStream.ensure(own_stream.connection, RawStreamSettings(64 * 1024 * 1024))
            break
        await asyncio.sleep(0.05)
    else:
        pytest.fail("the server does not come back")
    log.stream = again
    await log.claim(4)
    assert await written(again) == [(old, 0, 4), (log.epoch, 0, 0)]


async def test_a_log_made_anew_is_told_of_also_when_its_numbers_are_high_again(own_stream: RawStream):
    log = await owner(own_stream, "plant")
    old = log.epoch
    await log.append(content(4), 4, settled=0)
    # As in a log made anew, where others came first: the subject begins behind what was confirmed.
    await own_stream._log.purge(log.subject, log.tail.sequence + 1)
    standby = SubjectLog(own_stream, "plant", "exclusive")
    await standby.claim(4)
    await log.claim(4)
    assert (old, 0, 4) in await written(own_stream)


async def test_an_epoch_that_was_told_of_does_not_go_on_though_nats_was_away_before_another_was_begun(
    restored: RestoredLog, own_stream: RawStream, monkeypatch: pytest.MonkeyPatch
):
    log = await owner(own_stream, "plant")
    old = log.epoch
    restored.copy("empty")
    await back(own_stream)
    await log.append(content(4), 4, settled=0)
    restored.restore("empty")
    await back(own_stream)

    async def away() -> bytes:
        raise StreamAway("it is away")

    with monkeypatch.context() as broken:
        broken.setattr(own_stream, "renew_epoch", away)
        with pytest.raises(StreamAway):
            await log.claim(4)
    await log.claim(4)
    assert log.epoch != old
    assert [total for epoch, _, total in await written(own_stream) if epoch == old] == [0, 4]


async def test_handing_over_purging_and_restarting_are_no_loss(stream: RawStream, source: str):
    log, standby = await owner(stream, source), SubjectLog(stream, source, "exclusive")
    await log.append(content(4), 4, settled=4)
    epoch = log.epoch
    await standby.claim(4)
    assert await standby.append(content(4), 4, settled=8) == 8
    await stream.purge(log.subject, standby.tail.sequence)
    await log.claim(4)
    assert await log.append(content(1), 4, settled=9) == 9
    await standby.claim(4)
    assert (standby.epoch, standby.tail.total) == (epoch, 9)
