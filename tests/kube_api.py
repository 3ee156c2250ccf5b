"""What the API of a release on a cluster says, with a key that is made as a person makes it."""

from datetime import datetime
from typing import Any

import httpx

from kube import Object, Release, eventually
from sens.platform_api.ranges import MAX_POINTS

ADMIN = {"username": "admin", "password": "correct horse battery staple"}
SOURCE = "simulator"


class Api:
    """The platform's API through the cluster.

    Args:
        source: the one whose books are looked at.
    """

    def __init__(self, release: Release, source: str = SOURCE) -> None:
        self._release = release
        self._source = source
        self._key = ""

    def get(self, path: str, **query: str | int) -> Any:
        """A JSON answer."""
        with self._release.forwarded("platform-api") as url:
            bearer = {"authorization": f"Bearer {self._key}"}
            answer = httpx.get(f"{url}{path}", params=query, headers=bearer, timeout=20)
            answer.raise_for_status()
            return answer.json()

    def make_key(self) -> None:
        """The first admin by the setup token, then a key in that session."""
        with self._release.forwarded("platform-api") as url, httpx.Client(base_url=url, timeout=20) as client:
            made = client.post("/api/v1/setup", json={"token": self._release.setup_token, **ADMIN})
            made.raise_for_status()
            csrf = {"x-csrf-token": made.json()["csrf_token"]}
            key = client.post("/api/v1/api-keys", json={"name": "cluster-test", "scope": "admin"}, headers=csrf)
            key.raise_for_status()
            self._key = key.json()["key"]

    @property
    def version(self) -> str:
        return self.get("/version")["version"]

    def ledger(self) -> Object:
        """The source's line of the ledger."""
        return next(each for each in self.get("/api/v1/ledger")["sources"] if each["source"] == self._source)

    def owner(self) -> tuple[str, datetime] | None:
        """Which ingestion worker holds the source and is connected, and since when; None: nobody."""
        for session in self.get(f"/api/v1/sources/{self._source}")["sessions"]:
            if session["session"] == "exclusive" and session["state"] == "connected":
                return session["instance"], datetime.fromisoformat(session["since"])
        return None

    def values(self, device: str, metric: str) -> list[float]:
        """Every reading of a series, by time."""
        found = self.get("/api/v1/series", source=self._source, device=device, metric=metric)["items"]
        if not found:
            return []
        values: list[float] = []
        start: str | None = "now-1d"
        while start:
            page = self.get(
                f"/api/v1/series/{found[0]['id']}/readings",
                **{"from": start, "to": "now", "resolution": "raw", "limit": MAX_POINTS},
            )
            values += page["columns"]["value"]
            start = page["next_from"]
        return values


def flows_on(api: Api, at_least: int = 20) -> Object:
    """Wait until as many messages more were received; the ledger must balance at every look."""
    before = eventually(api.ledger, "the ledger")

    def more() -> Object | None:
        now = api.ledger()
        assert now["lost"] == 0
        assert now["balanced"]
        return now if now["received"] >= before["received"] + at_least else None

    return eventually(more, "readings to flow")
