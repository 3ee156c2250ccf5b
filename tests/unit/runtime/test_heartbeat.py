import asyncio

import pytest

from sens.runtime import heartbeat, metrics
from sens.runtime.heartbeat import Heartbeat


async def test_a_turning_loop_is_alive_and_its_lag_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "INTERVAL_S", 0.005)
    before = metrics.LOOP_LAG_SECONDS._sum.get()
    beat = Heartbeat()
    task = asyncio.create_task(beat.run())
    await asyncio.sleep(0.1)
    assert beat.alive
    assert beat.age_s < 0.1
    task.cancel()
    assert metrics.LOOP_LAG_SECONDS._sum.get() > before


async def test_a_heart_that_stopped_is_not_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "MAX_AGE_S", 0.01)
    beat = Heartbeat()
    await asyncio.sleep(0.02)
    assert not beat.alive
