"""The platform's API as the commands use it: JSON in and out, every failure one clear error.

ApiAway     (Retry)  no answer, or one that says "later"; ends with UNAVAILABLE
ApiRefused  (Fatal)  the key is missing, wrong, or allows too little; ends with CONFIGURATION
ImportMoved (Retry)  an import has other readings than the caller thinks: ask for its state
ApiFailed            an answer that should not be: a bug on either side; ends with FAILURE
WrongArgument        what was asked for does not exist or is not allowed; ends with USAGE
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import httpx

from sens.cli.api_key import find_key, is_local
from sens.cli.errors import WrongArgument
from sens.cli.progress import progress
from sens.domain.errors import Fatal, Retry, SensError

Parameters = Mapping[str, str | int | float | bool | Sequence[int] | None]

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 90.0
"""Longer than the API takes before it says itself that something takes too long."""
SILENCE_TIMEOUT_S = 30.0
"""A stream of events has a heartbeat three times in that."""
PAGE = 1_000
_IMPORT_MOVED = "urn:sens:problem:import-moved"
_HOW_TO_GIVE_A_KEY = "give one with --api-key-file or SENS_API_KEY; `sens up` writes one to DATA-DIR/admin-api-key"


class ApiAway(Retry):
    """The API does not answer, or asks to come back later."""


class ImportMoved(Retry):
    """An import has other readings than the caller thinks."""


class ApiRefused(Fatal):
    """The API does not let this key do that."""


class ApiFailed(SensError):
    """The API gave an answer that should not be."""


class Target(NamedTuple):
    """Which API to ask, and the file of the key to show it; None: see `api_key.find_key`."""

    url: str
    api_key_file: Path | None


class Event(NamedTuple):
    """A server-sent event. `id`: that of the last event that had one; events without data only change it."""

    name: str
    data: str
    id: str = ""


class Api:
    """A connection to the API; use `connect`."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """The JSON at a path below /api/v1/."""
        return self._ask("GET", path, parameters)

    def post(self, path: str, body: Any = None, parameters: Parameters | None = None) -> Any:
        """What the API answers to a JSON body."""
        return self._ask("POST", path, parameters, body)

    def post_content(self, path: str, content: bytes) -> Any:
        """What the API answers to a body that is JSON already."""
        return self._ask("POST", path, content=content)

    def patch(self, path: str, body: Any) -> Any:
        """What the API answers to a JSON body."""
        return self._ask("PATCH", path, body=body)

    def delete(self, path: str) -> Any:
        """What the API answers; None where that is nothing."""
        return self._ask("DELETE", path)

    def pages(self, path: str, parameters: Parameters, limit: int) -> Iterator[dict[str, Any]]:
        """The items of a list, page after page, at most `limit`."""
        cursor: str | None = None
        left = limit
        while left > 0:
            page = self.get(path, {**parameters, "limit": min(left, PAGE), "cursor": cursor})
            items = cast("list[dict[str, Any]]", page["items"])
            yield from items
            left -= len(items)
            cursor = page.get("next_cursor")
            if not cursor:
                return

    @contextmanager
    def download(self, path: str, parameters: Parameters) -> Generator[Iterator[bytes]]:
        """An answer as it comes.

        Raises:
            ApiAway: also in the midst of it; what came is not whole.
        """
        with self._translated(), self._client.stream("GET", path, params=_given(parameters)) as answer:
            if answer.is_error:
                answer.read()
                raise _refusal(answer)
            yield answer.iter_bytes()

    @contextmanager
    def events(self, path: str, parameters: Parameters, last_event_id: str = "") -> Generator[Iterator[Event]]:
        """Server-sent events as they come, until the block or the connection ends.

        Args:
            last_event_id: where an earlier stream ended; empty: there was none.
        """
        timeout = httpx.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        with (
            self._translated(),
            self._client.stream("GET", path, params=_given(parameters), headers=headers, timeout=timeout) as answer,
        ):
            if answer.is_error:
                answer.read()
                raise _refusal(answer)
            yield parse_events(answer.iter_lines())

    def _ask(
        self,
        method: str,
        path: str,
        parameters: Parameters | None = None,
        body: Any = None,
        content: bytes | None = None,
    ) -> Any:
        with self._translated(), progress("Waiting for the API"):
            answer = self._client.request(method, path, params=_given(parameters or {}), json=body, content=content)
        if answer.is_error:
            raise _refusal(answer)
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError as error:
            raise ApiFailed(f"{self._client.base_url} answers no JSON: is that the API's address?") from error

    @contextmanager
    def _translated(self) -> Generator[None]:
        """httpx's errors as ours."""
        url = str(self._client.base_url).removesuffix("/api/v1/")
        try:
            yield
        except httpx.ConnectError as error:
            raise ApiAway(
                f"no API answers: is `sens up` running? Tried {url} ({error}); name another with --url"
            ) from error
        except httpx.TimeoutException as error:
            raise ApiAway(f"the API at {url} did not answer in time: try again, or see its log") from error
        except httpx.TransportError as error:
            raise ApiAway(f"the connection to the API at {url} broke ({error}): try again") from error


@contextmanager
def connect(target: Target) -> Generator[Api]:
    """The API, inside the block. Nothing is sent before the first question.

    Raises:
        Fatal: the key file cannot be read.
        WrongArgument: the URL is none.
    """
    url = target.url
    if not url.startswith(("http://", "https://")):
        raise WrongArgument(f"--url {url!r}: write http://HOST:PORT or https://HOST")
    headers = {"User-Agent": "sens-cli"}
    key = find_key(url, target.api_key_file)
    if key:
        headers["Authorization"] = f"Bearer {key}"
    with httpx.Client(
        base_url=f"{url.rstrip('/')}/api/v1/",
        headers=headers,
        timeout=httpx.Timeout(ANSWER_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        trust_env=not is_local(url),  # a proxy does not know what is on this machine
    ) as client:
        yield Api(client)


def parse_events(lines: Iterator[str]) -> Iterator[Event]:
    """Server-sent events (HTML standard, section 9.2): comments are left out."""
    name, data, id_, told = "", list[str](), "", ""
    for line in lines:
        if not line:
            if data or id_ != told:
                yield Event(name or "message", "\n".join(data), id_)
            name, data, told = "", [], id_
            continue
        key, _, value = line.partition(":")
        if key == "event":
            name = value.removeprefix(" ")
        elif key == "data":
            data.append(value.removeprefix(" "))
        elif key == "id":
            id_ = value.removeprefix(" ")


def _given(parameters: Parameters) -> dict[str, str | int | float | bool | Sequence[int]]:
    return {name: value for name, value in parameters.items() if value is not None}


def _refusal(answer: httpx.Response) -> SensError:
    """The error for an answer that is one (problem details, RFC 9457)."""
    problem = _problem(answer)
    title, detail = str(problem.get("title", f"HTTP {answer.status_code}")), str(problem.get("detail", "")).rstrip(".")
    said = f"{title}: {detail}" if detail else title
    match answer.status_code:
        case 401:
            return ApiRefused(f"the API wants an API key ({title}): {_HOW_TO_GIVE_A_KEY}")
        case 403:
            return ApiRefused(f"the API key does not allow this ({detail or title}): use one with a wider scope")
        case 409 if problem.get("type") == _IMPORT_MOVED:
            return ImportMoved(said)
        case 429 | 502 | 503 | 504:
            return ApiAway(f"the API cannot do this now ({said})")
        case status if status >= 500:
            return ApiFailed(f"the API failed ({said}; request {problem.get('request_id', 'without id')}): see its log")
        case _:
            return WrongArgument(_wrong_places(problem) or detail or title)


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _wrong_places(problem: Mapping[str, Any]) -> str:
    """Each thing that is wrong with the request: `--from: write for example now-1h`."""
    errors = cast("list[dict[str, Any]]", problem.get("errors") or [])
    return "; ".join(f"{_option(str(error['location']))}: {error['message']}" for error in errors)


def _option(location: str) -> str:
    """How a person gave what the API names so: parameters of a query are options."""
    part, _, name = location.partition(".")
    if location == "body.expires_at":
        return "--expires"
    return f"--{name.replace('_', '-')}" if part == "query" else name.rpartition(".")[2] or location
