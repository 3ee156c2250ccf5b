"""An import goes on from what the API has, whatever became of the last answer."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sens.cli.client import Api
from sens.cli.errors import WrongArgument
from sens.cli.importing import upload
from sens.cli.importing.upload import Upload

READINGS = [b'{"source":"s","n":%d}' % n for n in range(20)]


class Imports:
    """An API with one import, that may lose answers or its log.

    Attributes:
        readings: what it has.
        lost: of these requests to add (by their number, from 0) the answer is lost.
        set_back: after so many requests to add, the log is back at its beginning.
    """

    def __init__(self, lost: tuple[int, ...] = (), set_back: int = -1, max_body_bytes: int = 220) -> None:
        self.readings = list[int]()
        self.finished = False
        self.added = 0
        self.lost = lost
        self.set_back = set_back
        self.max_body_bytes = max_body_bytes

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return self._answer()
        body = json.loads(request.content)
        if request.url.path.endswith("/finish"):
            assert body["readings"] == len(self.readings)
            self.finished = True
            return self._answer()
        assert len(request.content) <= self.max_body_bytes
        self.added += 1
        if self.added - 1 == self.set_back:
            self.readings.clear()
        if body["before"] != len(self.readings):
            problem = {"type": "urn:sens:problem:import-moved", "title": "moved"}
            return httpx.Response(409, json=problem)
        self.readings += [reading["n"] for reading in body["readings"]]
        if self.added - 1 in self.lost:
            raise httpx.ReadError("lost", request=request)
        return self._answer()

    def _answer(self) -> httpx.Response:
        counts = dict.fromkeys(("pending", "stored", "duplicate", "conflict", "quarantined"), 0)
        told = {"readings": len(self.readings), "finished": self.finished, "oldest_kept": None}
        return httpx.Response(200, json=counts | told | {"max_body_bytes": self.max_body_bytes})


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload.time, "sleep", lambda _: None)


def upload_to(imports: Any, tell: list[int] | None = None) -> Upload:
    def chunks() -> Iterator[list[bytes]]:
        yield READINGS[:7]
        yield []
        yield READINGS[7:]

    client = httpx.Client(base_url="http://api/api/v1/", transport=httpx.MockTransport(imports))
    return Upload(Api(client), "imports/s/1", chunks, (tell if tell is not None else []).append)


@pytest.mark.parametrize("lost", [(), (0,), (1, 2), (4,)])
def test_all_readings_come_once_and_in_order_also_where_answers_are_lost(lost: tuple[int, ...]):
    imports, told = Imports(lost), list[int]()
    uploading = upload_to(imports, told)
    assert uploading.send(uploading.state()) == 20
    assert (imports.readings, imports.finished) == (list(range(20)), True)
    assert told == sorted(told)
    assert told[-1] == 20


@pytest.mark.parametrize("there", [1, 7, 19, 20])
def test_it_begins_behind_what_is_there(there: int):
    imports = Imports()
    imports.readings = list(range(there))
    uploading = upload_to(imports)
    uploading.send(uploading.state())
    assert imports.readings == list(range(20))


def test_where_the_log_was_set_back_it_begins_anew():
    imports = Imports(set_back=2)
    uploading = upload_to(imports)
    uploading.send(uploading.state())
    assert imports.readings == list(range(20))


def test_what_the_api_refuses_ends_it_with_the_reason():
    refusing = httpx.Response(404, json={"title": "There is no such thing", "detail": "there is no source x"})
    with pytest.raises(WrongArgument, match="there is no source x"):
        upload_to(lambda _: refusing).state()


def test_of_a_reading_that_is_too_long_to_be_sent_its_beginning_is_kept_and_its_line_is_told(
    capsys: pytest.CaptureFixture[str],
):
    long = json.dumps({"source": "s", "n": 99, "device": "d", "line": 7, "value": "x" * 5_000}).encode()
    sent = list[Any]()
    imports = Imports(max_body_bytes=3_000)

    def keep(request: httpx.Request) -> httpx.Response:
        sent.append(json.loads(request.content or b"{}"))
        return imports(request)

    uploading = upload_to(keep)
    uploading._all_readings = lambda: iter([[READINGS[0], long]])
    assert uploading.send(uploading.state()) == 2
    readings = [each for body in sent if "before" in body for each in body["readings"]]
    [told] = [each for each in readings if "refused" in each]
    assert (told["device"], len(told["value"])) == ("d", 1_000)
    detail = f"a reading of {len(long):,} bytes, and 2,900 can be taken"
    assert told["refused"]["detail"] == f"{detail}; the first characters are kept"
    assert f"line 7: {detail}" in capsys.readouterr().err
