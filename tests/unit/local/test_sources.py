from typing import Any

from sens.local.sources import troubles


def source(name: str, state: str, *errors: str, declared: bool = True) -> dict[str, Any]:
    sessions = [{"state": state, "last_error": error} for error in errors]
    return {"name": name, "state": state, "declared": declared, "sessions": sessions}


def test_a_source_that_receives_is_not_mentioned_even_if_it_had_an_error():
    assert troubles([source("a", "connected", "was away"), source("b", "starting")]) == ""


def test_a_source_that_is_away_is_named_with_the_reason():
    away = source("plant-a", "away", "password of source 'plant-a':\n the environment variable P is not set")
    assert troubles([source("ok", "connected", ""), away, source("c", "silent", "x")]) == (
        "source plant-a is away: password of source 'plant-a': the environment variable P is not set"
    )


def test_a_source_of_former_times_is_not_missed():
    assert troubles([source("old", "away", "x", declared=False)]) == ""
