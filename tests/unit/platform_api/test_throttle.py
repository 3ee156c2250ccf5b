"""Who guesses passwords is slowed down; who knows them is not."""

import pytest

from sens.platform_api import throttle
from sens.platform_api.problems import ProblemError, ProblemType
from sens.platform_api.throttle import FORGOTTEN_S, LONGEST_WAIT_S, PER_ADDRESS, PER_USER, Attempts, LoginThrottle


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def refused_for(throttle: LoginThrottle, user: str, address: str) -> int:
    """Seconds to wait; 0: the attempt may begin."""
    try:
        throttle.begin(user, address)
    except ProblemError as error:
        return int(error.headers["Retry-After"]) if error.type is ProblemType.TOO_MANY_LOGINS else -1
    return 0


def test_each_attempt_after_the_free_ones_waits_longer_up_to_a_limit(clock: Clock):
    guessed = LoginThrottle(clock)
    waits = list[int]()
    for _ in range(PER_USER + 12):
        wait_s = refused_for(guessed, "ann", f"10.0.0.{len(waits)}")
        waits.append(wait_s)
        clock.now += wait_s
        if wait_s:
            assert refused_for(guessed, "ann", "10.0.1.1") == 0
    assert waits[:PER_USER] == [0] * PER_USER
    assert waits[PER_USER:] == sorted(waits[PER_USER:])
    assert LONGEST_WAIT_S <= waits[-1] <= LONGEST_WAIT_S + 1


def test_many_names_from_one_address_are_guesses_too(clock: Clock):
    guessed = LoginThrottle(clock)
    waits = [refused_for(guessed, f"user-{n}", "10.0.0.1") for n in range(PER_ADDRESS + 1)]
    assert (waits[:-1], waits[-1] > 0) == ([0] * PER_ADDRESS, True)
    assert refused_for(guessed, "user-1", "10.0.0.2") == 0


def test_a_success_forgets_the_slips_before_it(clock: Clock):
    guessed = LoginThrottle(clock)
    for _ in range(10):
        for _ in range(PER_USER):
            assert refused_for(guessed, "ann", f"10.0.0.{clock.now}") == 0
            clock.now += 0.001
        guessed.succeeded("ann", f"10.0.0.{clock.now - 0.001}")


def test_a_stranger_who_guesses_does_not_keep_the_owner_out(clock: Clock):
    guessed = LoginThrottle(clock)
    guessed.begin("ann", "home")
    guessed.succeeded("ann", "home")
    for n in range(PER_USER):
        assert refused_for(guessed, "ann", f"10.0.0.{n}") == 0
    assert refused_for(guessed, "ann", "10.0.1.1") > 0
    assert refused_for(guessed, "ann", "home") == 0


def test_tokens_are_no_user_that_a_stranger_could_keep_out(clock: Clock):
    guessed = LoginThrottle(clock)
    for _ in range(PER_USER):
        assert refused_for(guessed, "", "10.0.0.1") == 0
    assert refused_for(guessed, "", "10.0.0.1") > 0
    assert refused_for(guessed, "", "10.0.0.2") == 0


def test_attempts_are_forgotten_after_a_while(clock: Clock):
    guessed = LoginThrottle(clock)
    for _ in range(PER_USER):
        refused_for(guessed, "ann", "10.0.0.1")
    clock.now += FORGOTTEN_S + 1
    assert [refused_for(guessed, "ann", "10.0.0.1") for _ in range(PER_USER)] == [0] * PER_USER


def test_what_is_remembered_has_a_limit(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(throttle, "MAX_KEPT", 100)
    attempts, guessed = Attempts(1, clock), LoginThrottle(clock)
    for n in range(1000):
        attempts.count(f"user-{n}")
        guessed.begin(f"user-{n}", f"address-{n}")
        guessed.succeeded(f"user-{n}", f"address-{n}")
    assert len(attempts._kept) == 100
    assert len(guessed._at_home) == 100
    assert attempts.wait_s("user-999") > 0
    assert attempts.wait_s("user-0") == 0
