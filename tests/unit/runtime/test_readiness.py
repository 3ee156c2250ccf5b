import asyncio

import pytest

from sens.domain.errors import Retry
from sens.runtime import readiness
from sens.runtime.readiness import Readiness


async def well() -> None:
    return None


async def test_nothing_is_ready_before_a_check_is_registered() -> None:
    report = await Readiness().report()
    assert (report.ready, report.status) == (False, "starting")


async def test_ready_when_every_check_passes() -> None:
    ready = Readiness()
    ready.register("database", well)
    report = await ready.report()
    assert (report.ready, report.status, report.checks) == (True, "ready", {"database": None})


async def test_one_failing_check_is_enough_and_each_reason_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "CHECK_TIMEOUT_S", 0.02)

    async def raises() -> None:
        raise Retry("nats://u:hunter2@h is away")

    async def bug() -> None:
        raise ZeroDivisionError

    async def says() -> str:
        return "schema 3 is older than 4: run sens migrate"

    async def hangs() -> None:
        await asyncio.sleep(60)

    ready = Readiness()
    for check in (well, raises, bug, says, hangs):
        ready.register(check.__name__, check)
    report = await ready.report()
    assert (report.ready, report.status) == (False, "failing")
    assert report.checks == {
        "well": None,
        "raises": "nats://u:***@h is away",
        "bug": "ZeroDivisionError",
        "says": "schema 3 is older than 4: run sens migrate",
        "hangs": "no answer within 0.02 s",
    }


async def test_a_draining_process_is_not_ready() -> None:
    ready = Readiness()
    ready.register("database", well)
    ready.draining = True
    report = await ready.report()
    assert (report.ready, report.status) == (False, "draining")


async def test_however_often_somebody_asks_the_servers_are_asked_once() -> None:
    calls = 0

    async def count() -> None:
        nonlocal calls
        calls += 1

    ready = Readiness()
    ready.register("count", count)
    await asyncio.gather(*(ready.report() for _ in range(20)))
    assert calls == 1


async def test_a_name_stands_once() -> None:
    ready = Readiness()
    ready.register("database", well)
    with pytest.raises(ValueError, match="database"):
        ready.register("database", well)
