"""The form of API keys, and the ring that checks them."""

import asyncio
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.platform_api import keys
from sens.platform_api.caller import Caller
from sens.platform_api.keys import Keyring, new_token, parse_token
from sens.storage.api_keys import ApiKey


class Database:
    """Finds keys, and counts how often it is asked."""

    def __init__(self) -> None:
        self.rows: dict[str, ApiKey] = {}
        self.asked = 0

    def add(self, text: str, revoked_at: int | None = None, expires_at: int | None = None) -> ApiKey:
        token = parse_token(text)
        assert token is not None
        row = ApiKey(
            len(self.rows) + 1, "name", token.prefix, token.hash, "read", None, None, 0, expires_at, revoked_at
        )
        self.rows[token.prefix] = row
        return row

    async def find(self, prefix: str) -> ApiKey | None:
        self.asked += 1
        return self.rows.get(prefix)


def test_a_new_key_has_forty_random_characters() -> None:
    text = new_token()
    token = parse_token(text)
    assert token is not None
    assert len(text) == len("sens_") + 40
    assert (token.prefix, len(token.prefix)) == (text[5:17], 12)
    assert token.hash == hashlib.sha256(text.encode()).hexdigest()
    assert new_token() != text


@given(st.text(max_size=60))
def test_what_has_not_the_form_of_a_key_is_none(text: str) -> None:
    assert parse_token(text) is None


@pytest.mark.parametrize(
    "text", ["sens_" + "a" * 31, "sens_" + "a" * 129, "sens_" + "a" * 39 + "\n", "Sens_" + "a" * 40]
)
def test_keys_that_are_too_short_or_too_long_are_none(text: str) -> None:
    assert parse_token(text) is None


def test_scopes_include_the_lesser_ones() -> None:
    order = ("read", "operate", "admin")
    assert [[Caller("api_key", 1, "name", have, None, None).may(needed) for needed in order] for have in order] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]


async def test_a_valid_key_costs_one_query_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    database, text = Database(), new_token()
    row, ring = database.add(text), Keyring(database.find)
    assert [await ring.verify(text) for _ in range(10)] == [row] * 10
    assert database.asked == 1
    monkeypatch.setattr(keys, "TRUSTED_S", -1.0)
    ring.forget(row.id)
    assert [await ring.verify(text) for _ in range(2)] == [row, row]
    assert database.asked == 3


async def test_a_key_with_a_known_prefix_and_another_end_is_refused() -> None:
    database, text = Database(), new_token()
    database.add(text)
    ring = Keyring(database.find)
    assert await ring.verify(text) is not None
    assert await ring.verify(text[:-1] + ("a" if text[-1] != "a" else "b")) is None


async def test_revoked_and_expired_keys_are_refused() -> None:
    database, revoked, expired = Database(), new_token(), new_token()
    database.add(revoked, revoked_at=1)
    database.add(expired, expires_at=1)
    ring = Keyring(database.find)
    assert await ring.verify(revoked) is None
    assert await ring.verify(expired) is None


async def test_the_ring_is_bounded_and_guesses_do_not_fill_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "MAX_TRUSTED", 3)
    database, ring_keys = Database(), [new_token() for _ in range(5)]
    for text in ring_keys:
        database.add(text)
    ring = Keyring(database.find)
    for text in ring_keys:
        await ring.verify(text)
    for _ in range(10):
        assert await ring.verify(new_token()) is None
    asked = database.asked
    assert all([await ring.verify(text) for text in ring_keys[2:]])
    assert database.asked == asked


async def test_a_key_is_looked_up_once_for_all_who_show_it_at_the_same_time():
    database, text = Database(), new_token()
    row = database.add(text)
    ring = Keyring(database.find)
    assert await asyncio.gather(*(ring.verify(text) for _ in range(100))) == [row] * 100
    assert database.asked == 1
