import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sens.cli.client import Api, ApiAway, ApiFailed, ApiRefused, Event, Target, connect, parse_events
from sens.cli.errors import WrongArgument
from sens.domain.errors import SensError
from servers import free_port


def ask(url: str, call: Callable[[Api], Any] = lambda api: api.get("ledger")) -> Any:
    with connect(Target(url, None)) as api:
        return call(api)


def problem(status: int, detail: str, **more: Any) -> tuple[int, dict[str, Any]]:
    return status, {"title": "A title", "status": status, "detail": detail, "request_id": "r1", "errors": [], **more}


def test_a_question_bears_the_key_and_only_what_was_given(stub: Any, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SENS_API_KEY", "sens_key")
    stub.answers = [(200, {"ok": True})]
    assert ask(stub.url, lambda api: api.get("devices", {"source": "a b", "prefix": None})) == {"ok": True}
    [(target, headers, _)] = stub.asked
    assert target == "GET /api/v1/devices?source=a+b"
    assert headers["Authorization"] == "Bearer sens_key"


@pytest.mark.parametrize(
    ("answer", "error", "said"),
    [
        (problem(401, "Send a key."), ApiRefused, "wants an API key .*--api-key-file or SENS_API_KEY"),
        (problem(403, "this needs the scope operate"), ApiRefused, r"this needs the scope operate\): use one"),
        (problem(404, "there is no device 7"), WrongArgument, "^there is no device 7$"),
        (problem(409, "message 1 is replayed already"), WrongArgument, "^message 1 is replayed already$"),
        (
            problem(422, "x", errors=[{"location": "query.from", "message": "no time"}]),
            WrongArgument,
            "^--from: no time$",
        ),
        (
            problem(
                422, "x", errors=[{"location": f"{at}", "message": "no"} for at in ("query.time_zone", "body.name")]
            ),
            WrongArgument,
            "^--time-zone: no; name: no$",
        ),
        (
            problem(422, "x", errors=[{"location": "body.expires_at", "message": "no time"}]),
            WrongArgument,
            "^--expires: no time$",
        ),
        (problem(429, "100 live streams are open"), ApiAway, "100 live streams are open"),
        (problem(503, "Try again."), ApiAway, r"cannot do this now \(A title: Try again\)"),
        (problem(500, "A bug."), ApiFailed, "request r1"),
        ((502, b"<html>"), ApiAway, "HTTP 502"),
        ((404, b"[]"), WrongArgument, "HTTP 404"),
        ((200, b"<html>"), ApiFailed, "is that the API's address"),
    ],
)
def test_each_refusal_is_the_error_that_says_what_to_do(
    stub: Any, answer: tuple[int, Any], error: type[SensError], said: str
):
    stub.answers = [answer]
    with pytest.raises(error, match=said):
        ask(stub.url)


def test_nobody_at_the_address_says_what_was_tried():
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(ApiAway, match=rf"is `sens up` running\? Tried {url} "):
        ask(url)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x", ""])
def test_what_is_no_url_is_said(url: str):
    with pytest.raises(WrongArgument, match="--url"):
        ask(url)


def test_a_list_is_read_page_by_page_up_to_the_limit(stub: Any):
    stub.answers = [
        (200, {"items": [{"id": 1}, {"id": 2}], "next_cursor": "c1"}),
        (200, {"items": [{"id": 3}], "next_cursor": "c2"}),
    ]
    assert [item["id"] for item in ask(stub.url, lambda api: list(api.pages("devices", {}, 3)))] == [1, 2, 3]
    assert [target for target, _, _ in stub.asked] == [
        "GET /api/v1/devices?limit=3",
        "GET /api/v1/devices?limit=1&cursor=c1",
    ]


def test_a_list_ends_with_its_last_page(stub: Any):
    stub.answers = [(200, {"items": [{"id": 1}], "next_cursor": None})]
    assert len(ask(stub.url, lambda api: list(api.pages("devices", {}, 5000)))) == 1


def test_events_are_read_as_they_come(stub: Any):
    stub.answers = [(200, b"retry: 2000\n: listening\n\nevent: readings\ndata: {}\n\ndata: a\ndata: b\n\n")]

    def listen(api: Api) -> list[Event]:
        with api.events("live", {"device": "d"}) as events:
            return list(events)

    assert ask(stub.url, listen) == [Event("readings", "{}"), Event("message", "a\nb")]
    assert stub.asked[0][0] == "GET /api/v1/live?device=d"


def test_a_stream_that_is_refused_says_why(stub: Any):
    stub.answers = [problem(429, "too many")]

    def listen(api: Api) -> None:
        with api.events("live", {}):
            pytest.fail("there is no stream")

    with pytest.raises(ApiAway, match="too many"):
        ask(stub.url, listen)


@given(st.lists(st.tuples(st.text("ab", min_size=1), st.text("xyz :", max_size=9)), max_size=5))
def test_events_survive_being_written_and_read(events: list[tuple[str, str]]):
    lines = itertools.chain.from_iterable((f"event: {name}", f"data: {data}", "") for name, data in events)
    assert list(parse_events(lines)) == [Event(name, data) for name, data in events]


@given(st.lists(st.text()))
def test_any_lines_are_events_or_nothing(lines: list[str]):
    assert all(event.data is not None for event in parse_events(iter(lines)))
