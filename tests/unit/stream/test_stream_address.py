"""NATS URLs."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.stream.errors import StreamRefused
from sens.stream.link import Address


def test_user_and_password_are_taken_out_and_decoded():
    address = Address.parse("nats://me:p%40ss%2Fword@example.org:4333")
    assert address.urls == ["nats://example.org:4333"]
    assert (address.user, address.password) == ("me", "p@ss/word")
    assert "ss/word" not in repr(address)


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("nats://host", ["nats://host:4222"]),
        ("tls://host:1", ["tls://host:1"]),
        ("nats://a:1, nats://b:2", ["nats://a:1", "nats://b:2"]),
        ("nats://[::1]:4222", ["nats://[::1]:4222"]),
    ],
)
def test_several_servers_and_default_ports(url: str, urls: list[str]):
    assert Address.parse(url).urls == urls


@given(st.text())
def test_no_other_text_is_taken_for_an_address(text: str):
    with contextlib.suppress(StreamRefused):
        assert all(url.startswith(("nats://", "tls://")) for url in Address.parse(text).urls)
