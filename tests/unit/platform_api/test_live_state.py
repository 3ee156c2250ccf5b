"""The live state of a source from what its workers said."""

import pytest

from sens.platform_api.live_state import State, session_state, source_state
from sens.stream.status import SourceStatus


def said(state: object, age_s: float = 1.0) -> SourceStatus:
    return SourceStatus("plant-a", "exclusive", {"state": state}, age_s)


@pytest.mark.parametrize("state", ["connected", "away", "starting", "standby"])
def test_a_session_is_in_the_state_that_its_worker_tells(state: str) -> None:
    assert session_state(said(state)) == state


@pytest.mark.parametrize("status", [said("connected", age_s=11), said("dancing"), said(None), said(["connected"])])
def test_a_worker_that_says_nothing_known_is_silent(status: SourceStatus) -> None:
    assert session_state(status) is State.SILENT


def test_a_source_is_in_the_best_state_of_its_sessions() -> None:
    assert source_state([said("standby"), said("connected"), said("away")]) is State.CONNECTED
    assert source_state([said("standby"), said("away", age_s=60)]) is State.STANDBY
    assert source_state([]) is State.SILENT
