import asyncio
import gc
import weakref

import pytest
import structlog
from structlog.testing import capture_logs

from sens.domain.errors import Fatal, Retry
from sens.runtime.backoff import Backoff
from sens.runtime.catalogue import Section
from sens.runtime.exits import ExitCode
from sens.runtime.lifetime import Lifetime

SOON = Backoff(first_s=0.001, cap_s=0.002)


@pytest.fixture(autouse=True)
def _plain_logs() -> None:
    structlog.reset_defaults()


@pytest.fixture
def lifetime() -> Lifetime:
    return Lifetime("test", backoff=SOON)


async def test_a_process_ends_when_main_and_all_its_tasks_have_ended(lifetime: Lifetime) -> None:
    done: list[str] = []

    async def work() -> None:
        await asyncio.sleep(0.01)
        done.append("work")

    async def main(lifetime: Lifetime) -> None:
        lifetime.supervise("work", work)

    assert await lifetime.live(main) is ExitCode.OK
    assert done == ["work"]


async def test_a_retry_starts_the_task_again_and_stalls_no_other(lifetime: Lifetime) -> None:
    tries, ticks = 0, 0

    async def flaky() -> None:
        nonlocal tries
        tries += 1
        if tries < 5:
            raise ExceptionGroup("both", [Retry("away"), Retry("away, too")]) if tries == 2 else Retry("away")

    async def steady() -> None:
        nonlocal ticks
        while tries < 5:
            ticks += 1
            await asyncio.sleep(0)

    async def main(lifetime: Lifetime) -> None:
        lifetime.supervise("flaky", flaky)
        lifetime.supervise("steady", steady)

    assert await lifetime.live(main) is ExitCode.OK
    assert tries == 5
    assert ticks > 5


async def test_restarts_of_a_task_are_counted_from_0(lifetime: Lifetime) -> None:
    def restarts() -> float | None:
        return Section.PROCESS.registry.get_sample_value("sens_process_task_restarts_total", {"task": "counted"})

    seen: list[float | None] = []

    async def work() -> None:
        seen.append(restarts())
        if len(seen) < 3:
            raise Retry("away")

    async def main(lifetime: Lifetime) -> None:
        lifetime.supervise("counted", work)

    assert await lifetime.live(main) is ExitCode.OK
    assert seen == [0, 1, 2]


class Held:
    """What a task holds, in a circle with the error that ends it."""

    def __init__(self) -> None:
        self.ended_because: Retry | None = None


async def test_what_a_failed_task_held_is_freed_before_it_runs_again(lifetime: Lifetime) -> None:
    held: list[weakref.ref[Held]] = []

    async def work() -> None:
        if held:
            assert held[0]() is None
            return
        mine = Held()
        held.append(weakref.ref(mine))
        mine.ended_because = Retry("away")
        raise mine.ended_because

    async def main(lifetime: Lifetime) -> None:
        lifetime.supervise("work", work)

    gc.disable()
    try:
        assert await lifetime.live(main) is ExitCode.OK
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Fatal("the schema is newer than this build: update it"), ExitCode.CONFIGURATION),
        (ZeroDivisionError(), ExitCode.FAILURE),
        (ExceptionGroup("g", [Retry("away"), KeyError("bug")]), ExitCode.FAILURE),
    ],
)
async def test_fatal_or_a_bug_in_a_task_ends_the_process_by_a_drain(
    lifetime: Lifetime, error: Exception, code: ExitCode
) -> None:
    drained = False

    async def broken() -> None:
        raise error

    async def steady() -> None:
        nonlocal drained
        await lifetime.stopping.wait()
        drained = True

    async def main(lifetime: Lifetime) -> None:
        lifetime.supervise("steady", steady)
        lifetime.supervise("broken", broken)

    with capture_logs() as lines:
        assert await lifetime.live(main) is code
    assert drained
    [line] = [line for line in lines if line["event"] == "task_failed"]
    assert line["task"] == "broken"
    assert (line["exc_info"] is error) == (code is ExitCode.FAILURE), "only a bug needs its traceback"


async def test_what_main_insists_on_is_tried_until_it_is_done(lifetime: Lifetime) -> None:
    tries: list[str] = []

    async def attempt() -> str:
        tries.append("try")
        if len(tries) < 3:
            raise Retry(f"away {len(tries)}")
        return "done"

    async def main(lifetime: Lifetime) -> None:
        tries.append(await lifetime.insist("the log", attempt))

    with capture_logs() as lines:
        assert await lifetime.live(main) is ExitCode.OK
    assert tries == ["try"] * 3 + ["done"]
    assert [line["error"] for line in lines if line["event"] == "will_try_again"] == ["away 1", "away 2"]


async def test_it_is_tried_no_more_when_the_process_is_to_stop_and_a_fatal_error_ends_it_at_once() -> None:
    lifetime = Lifetime("test", backoff=Backoff(60, 60, jitter=lambda: 1.0))
    tries = 0

    async def fail(error: Exception) -> None:
        nonlocal tries
        tries += 1
        raise error

    insisting = asyncio.create_task(lifetime.insist("the log", lambda: fail(Retry("away"))))
    await asyncio.sleep(0.01)
    lifetime.stop()
    with pytest.raises(Retry, match="away"):
        await insisting
    with pytest.raises(Fatal):
        await lifetime.insist("the log", lambda: fail(Fatal("no")))
    assert tries == 2


async def test_a_server_that_main_cannot_reach_ends_the_process_as_unavailable(lifetime: Lifetime) -> None:
    async def main(_: Lifetime) -> None:
        raise Retry("no answer from nats://h within 30 s")

    assert await lifetime.live(main) is ExitCode.UNAVAILABLE


async def test_drain_callbacks_run_after_the_tasks_last_registered_first(lifetime: Lifetime) -> None:
    order: list[str] = []

    async def note(what: str) -> None:
        order.append(what)

    async def broken() -> None:
        order.append("broken")
        raise Retry("away")

    async def work() -> None:
        await lifetime.stopping.wait()
        order.append("work")

    async def main(lifetime: Lifetime) -> None:
        lifetime.on_drain("nats", lambda: note("nats"))
        lifetime.on_drain("broken", broken)
        lifetime.on_drain("mqtt", lambda: note("mqtt"))
        lifetime.supervise("work", work)
        lifetime.stop()

    assert await lifetime.live(main) is ExitCode.UNAVAILABLE
    assert order == ["work", "mqtt", "broken", "nats"]


async def test_a_task_in_back_off_does_not_delay_the_drain() -> None:
    lifetime = Lifetime("test", backoff=Backoff(60, 60, jitter=lambda: 1.0))

    async def away() -> None:
        asyncio.get_running_loop().call_later(0.01, lifetime.stop)
        raise Retry("away")

    async def main(lifetime: Lifetime) -> None:
        lifetime.supervise("away", away)

    assert await asyncio.wait_for(lifetime.live(main), 5) is ExitCode.OK


async def test_a_drain_that_takes_too_long_is_cut_short() -> None:
    lifetime = Lifetime("test", drain_timeout_s=0.02)

    async def main(lifetime: Lifetime) -> None:
        lifetime.stop()
        await asyncio.sleep(60)

    assert await lifetime.live(main) is ExitCode.DRAIN_TIMEOUT


async def test_a_second_signal_ends_the_process_at_once(lifetime: Lifetime) -> None:
    async def main(lifetime: Lifetime) -> None:
        lifetime.on_signal(15)
        lifetime.on_signal(15)
        await asyncio.sleep(60)

    assert await asyncio.wait_for(lifetime.live(main), 5) is ExitCode.INTERRUPTED


async def test_readiness_says_draining_as_soon_as_the_process_is_to_stop(lifetime: Lifetime) -> None:
    async def main(lifetime: Lifetime) -> None:
        lifetime.stop()
        assert (await lifetime.readiness.report()).status == "draining"

    assert await lifetime.live(main) is ExitCode.OK


async def test_a_task_that_its_owner_cancels_is_no_failure(lifetime: Lifetime) -> None:
    async def main(lifetime: Lifetime) -> None:
        task = lifetime.supervise("work", lambda: asyncio.sleep(60))
        await asyncio.sleep(0)
        task.cancel()

    assert await lifetime.live(main) is ExitCode.OK
