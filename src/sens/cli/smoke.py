"""`sens smoke`: whether an environment works, asked from outside as its users do."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import httpx

from sens.cli.output import note, print_line
from sens.runtime.exits import ExitCode

ANSWER_TIMEOUT_S = 10.0
POLL_S = 2.0
HEALTH = ("/healthz", "/readyz")


class Answered(NamedTuple):
    """What an environment answered.

    Attributes:
        version: what runs, by its own `/version`; empty if it does not tell.
        git_sha: the commit of that.
        failures: what did not answer as it should; none: it works.
    """

    version: str
    git_sha: str
    failures: tuple[str, ...]


def ask(api: str, docs: str | None) -> Answered:
    """Ask once.

    Args:
        api: URL of the API.
        docs: URL of the docs; None: they are not asked for.
    """
    pages = [*(f"{api}{path}" for path in HEALTH), *([f"{docs}/"] if docs else [])]
    with httpx.Client(timeout=ANSWER_TIMEOUT_S) as client:
        failures = tuple(_failures(client, pages))
        try:
            answer = client.get(f"{api}/version").raise_for_status().json()
            return Answered(answer["version"], answer["git_sha"], failures)
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as failure:
            return Answered("", "", (*failures, f"{api}/version: {failure!r}"))


def flaws(answered: Answered, version: str | None) -> list[str]:
    """What is not as it shall be; none: it works and is that version."""
    other = version is not None and answered.version != version
    wrong = [f"{answered.version or 'nothing'} runs, not {version}"] if other else []
    return [*answered.failures, *wrong]


def ask_until_well(api: str, docs: str | None, version: str | None, wait_s: float) -> tuple[Answered, list[str]]:
    """Ask until nothing is wrong, at most so many seconds. Returns the last answer and what is wrong with it."""
    give_up_at = time.monotonic() + wait_s
    while (found := flaws(answered := ask(api, docs), version)) and time.monotonic() < give_up_at:
        time.sleep(POLL_S)
    return answered, found


def run(api: str, docs: str | None, version: str | None, wait_s: float) -> int:
    """Ask until it works, at most so many seconds. Returns UNAVAILABLE if it does not."""
    answered, found = ask_until_well(api, docs, version, wait_s)
    for flaw in found:
        note(flaw)
    if found:
        return ExitCode.UNAVAILABLE
    print_line(f"it works: {answered.version} of commit {answered.git_sha}")
    return ExitCode.OK


def _failures(client: httpx.Client, urls: list[str]) -> Iterator[str]:
    for url in urls:
        try:
            client.get(url).raise_for_status()
        except httpx.HTTPError as failure:
            yield f"{url}: {failure}"
