"""Passwords are hashed by argon2id, off the event loop, a few at once."""

import asyncio
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from sens.domain.errors import Fatal
from sens.platform_api import passwords
from sens.platform_api.passwords import AT_ONCE, MAX_WAITING, Passwords
from sens.platform_api.problems import ProblemError, ProblemType
from sens.platform_api.setup_token import read_setup_token

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def test_a_password_fits_its_hash_and_no_other():
    checked = Passwords()
    hash_ = await checked.hash("correct horse battery")
    assert hash_.startswith("$argon2id$")
    assert await checked.fits(hash_, "correct horse battery")
    assert not await checked.fits(hash_, "correct horse batterz")
    assert not await checked.fits(None, "nobody has this password")
    assert not await checked.fits("no hash", "x")
    assert not checked.outdated(hash_)
    assert checked.outdated(QUICK.hash("x"))


async def test_few_are_hashed_at_once_and_more_than_may_wait_are_turned_away(monkeypatch: pytest.MonkeyPatch):
    running, most = 0, 0

    def slow(self: PasswordHasher, password: str) -> str:
        nonlocal running, most
        running += 1
        most = max(most, running)
        time.sleep(0.01)
        running -= 1
        return password

    monkeypatch.setattr(passwords.PasswordHasher, "hash", slow)
    checked = Passwords()
    done = await asyncio.gather(*(checked.hash(str(n)) for n in range(MAX_WAITING + 4)), return_exceptions=True)
    refused = [each for each in done if isinstance(each, ProblemError)]
    assert most == AT_ONCE
    assert [error.type for error in refused] == [ProblemType.TOO_MANY_LOGINS] * 4
    assert await checked.hash("again") == "again"


def test_a_setup_token_is_read_and_compared(tmp_path: Path):
    file = tmp_path / "token"
    file.write_text("a" * 20 + "\n")
    assert read_setup_token(file).is_("a" * 20)
    assert not read_setup_token(file).is_("a" * 19)
    assert not read_setup_token(None).is_("")


@pytest.mark.parametrize("content", ["", "short", "a" * 300, "two words that are long enough", "ü" * 30])
def test_what_is_no_setup_token_ends_the_process_with_advice(tmp_path: Path, content: str):
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(Fatal, match="SENS_SETUP_TOKEN_FILE"):
        read_setup_token(file)
    with pytest.raises(Fatal, match="cannot be read"):
        read_setup_token(tmp_path / "nowhere")
