"""The exclusive lease."""

import asyncio
import contextlib
import signal
import time

from sens.domain.errors import Retry
from sens.stream import lease as lease_module
from sens.stream.bucket import Bucket, Entry
from sens.stream.connection import StreamConnection
from sens.stream.lease import BUCKET, Lease
from servers import Nats, state, wait_until

TTL_S = 1.0
KEPT_TTL_S = 3.0
"""Where a lease must survive: so long may a busy machine keep its owner from renewing it."""
PATIENCE_S = 30.0
NEVER = asyncio.Event


def lease(connection: StreamConnection, owner: str, ttl_s: float = TTL_S) -> Lease:
    return Lease(connection, key="plant-a", owner=owner, ttl_s=ttl_s)


async def test_one_holds_it_and_the_other_waits(connection: StreamConnection):
    first, second = lease(connection, "one", KEPT_TTL_S), lease(connection, "two", KEPT_TTL_S)
    assert await first.acquire(NEVER())
    waiting = asyncio.create_task(second.acquire(NEVER()))
    await asyncio.sleep(1.5 * KEPT_TTL_S)
    assert first.held
    assert not first.lost.is_set()
    assert not second.held
    waiting.cancel()
    await first.release()


async def test_released_it_goes_to_the_standby_at_once(connection: StreamConnection):
    first, second = lease(connection, "one", 30), lease(connection, "two", 30)
    assert await first.acquire(NEVER())
    waiting = asyncio.create_task(second.acquire(NEVER()))
    await asyncio.sleep(0.3)
    await first.release()
    assert await asyncio.wait_for(waiting, 10)  # long before it would have run out
    assert second.held
    assert not first.held
    assert not first.lost.is_set()
    await second.release()


async def test_of_many_at_once_exactly_one_gets_it(connection: StreamConnection):
    leases = [lease(connection, f"owner-{i}", 30) for i in range(8)]
    stopping = asyncio.Event()
    tasks = [asyncio.create_task(each.acquire(stopping)) for each in leases]
    for _ in range(30):
        await asyncio.sleep(0.05)
        assert sum(each.held for each in leases) <= 1
    assert sum(each.held for each in leases) == 1
    stopping.set()
    assert sorted(await asyncio.gather(*tasks)) == [False] * 7 + [True]
    for each in leases:
        await each.release()


async def test_stopping_ends_the_wait(connection: StreamConnection):
    first, second = lease(connection, "one", 30), lease(connection, "two", 30)
    assert await first.acquire(NEVER())
    stopping = asyncio.Event()
    waiting = asyncio.create_task(second.acquire(stopping))
    await asyncio.sleep(0.1)
    stopping.set()
    assert await asyncio.wait_for(waiting, PATIENCE_S) is False
    await first.release()


async def test_an_owner_that_does_not_renew_loses_it_before_another_gets_it(connection: StreamConnection):
    first, second = lease(connection, "one"), lease(connection, "two")
    assert await first.acquire(NEVER())
    assert first._renewing is not None
    first._renewing.cancel()  # as if the process were paused: nothing of it runs, only time goes on
    waiting = asyncio.create_task(second.acquire(NEVER()))
    while not second.held:
        held_by_first = first.held  # looked at before the second is
        await asyncio.sleep(0)
        assert not (held_by_first and second.held)
        await asyncio.sleep(0.01)
    assert not first.held
    assert await waiting
    await second.release()


async def test_an_owner_that_was_paused_learns_it_when_it_wakes_up(connection: StreamConnection, monkeypatch):
    first, second = lease(connection, "one"), lease(connection, "two", KEPT_TTL_S)
    assert await first.acquire(NEVER())
    paused = asyncio.Event()
    original = first._renew_once

    async def renew_once() -> bool:
        await paused.wait()
        return await original()

    monkeypatch.setattr(first, "_renew_once", renew_once)
    await asyncio.wait_for(second.acquire(NEVER()), PATIENCE_S)
    paused.set()
    await asyncio.wait_for(first.lost.wait(), PATIENCE_S)
    assert not first.held
    await asyncio.sleep(TTL_S)
    assert second.held
    await second.release()


async def test_somebody_elses_record_ends_it_at_the_next_renewal(connection: StreamConnection):
    first = lease(connection, "one", 5)
    assert await first.acquire(NEVER())
    await Bucket(connection, BUCKET).put("plant-a", b"junk that nobody can read")
    await asyncio.wait_for(first.lost.wait(), PATIENCE_S)
    assert not first.held
    second = lease(connection, "two", 1)
    assert await asyncio.wait_for(second.acquire(NEVER()), PATIENCE_S)
    await second.release()


async def test_a_restarted_owner_takes_its_own_lease_again_at_once(connection: StreamConnection):
    crashed = lease(connection, "one", 60)
    assert await crashed.acquire(NEVER())
    assert crashed._renewing is not None
    crashed._renewing.cancel()
    restarted = lease(connection, "one", 60)
    assert await asyncio.wait_for(restarted.acquire(NEVER()), PATIENCE_S)
    await restarted.release()


async def test_two_owners_of_one_name_do_not_take_it_from_each_other_in_turns(connection: StreamConnection):
    first, namesake = lease(connection, "one", KEPT_TTL_S), lease(connection, "one", KEPT_TTL_S)
    assert await first.acquire(NEVER())
    assert await namesake.acquire(NEVER())
    await asyncio.wait_for(first.lost.wait(), PATIENCE_S)
    stopping = asyncio.Event()
    waiting = asyncio.create_task(first.acquire(stopping))
    await asyncio.sleep(1.5 * KEPT_TTL_S)
    assert namesake.held
    assert not first.held
    stopping.set()
    await waiting
    await namesake.release()


async def test_an_outage_of_nats_shorter_than_the_lease_is_survived(own_nats: Nats, connect_to, monkeypatch):
    monkeypatch.setattr(lease_module, "RENEWALS_PER_TTL", 60)  # renewed each second, though held for long
    connection = await connect_to(own_nats)
    first = lease(connection, "one", 60)  # however long a busy machine takes to start nats-server again
    assert await first.acquire(NEVER())
    own_nats.kill()
    await asyncio.sleep(0.5)
    own_nats.start()
    await asyncio.wait_for(_renewed(connection), PATIENCE_S)
    assert first.held
    assert not first.lost.is_set()
    await first.release()


async def _renewed(connection: StreamConnection) -> None:
    """Wait until the stored lease changes; NATS may be away at first."""
    seen: Entry | None = None
    while True:
        with contextlib.suppress(Retry):
            entry = await Bucket(connection, BUCKET).get("plant-a")
            if seen is not None and entry != seen:
                return
            seen = entry
        await asyncio.sleep(0.1)


async def test_a_long_outage_of_nats_ends_it_and_afterwards_one_has_it(own_nats: Nats, connect_to):
    first, second = [lease(await connect_to(own_nats), owner, KEPT_TTL_S) for owner in ("one", "two")]
    assert await first.acquire(NEVER())
    stopping = asyncio.Event()
    waiting = asyncio.create_task(second.acquire(stopping))
    await asyncio.sleep(0.2)
    own_nats.kill()
    await asyncio.wait_for(first.lost.wait(), PATIENCE_S)
    assert not first.held
    await first.release()  # does not raise though NATS is away
    again = asyncio.create_task(first.acquire(stopping))
    own_nats.start()
    await asyncio.wait((waiting, again), timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.sleep(KEPT_TTL_S)
    assert first.held != second.held
    stopping.set()
    await asyncio.gather(waiting, again)
    await first.release()
    await second.release()


async def test_a_server_that_hangs_ends_it_in_time(own_nats: Nats, connect_to):
    first = lease(await connect_to(own_nats), "one")
    assert await first.acquire(NEVER())
    own_nats.signal(signal.SIGSTOP)
    wait_until(lambda: state(own_nats.pid) == "T", what="NATS to stand still")
    stopped_at = held_at = time.monotonic()
    try:
        while not first.lost.is_set():
            looked_at = time.monotonic()
            held_at = looked_at if first.held else held_at
            await asyncio.sleep(0.01)
            assert looked_at < stopped_at + PATIENCE_S
        assert held_at < stopped_at + TTL_S  # before anybody else may take it, however late this process is told
        assert not first.held
    finally:
        own_nats.signal(signal.SIGCONT)
