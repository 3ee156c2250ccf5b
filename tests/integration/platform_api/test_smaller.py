"""Answers are compressed where that is worth it, and not sent again to who has them."""

import gzip

import pytest

from api import KEYS, Api
from readings_database import ReadingsDatabase
from sens.platform_api.services import Services

GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}
LONG = "/series/1/readings?from=2026-01-05T00:00:00Z&to=2026-01-12T00:00:00Z&resolution=raw"


async def test_long_answers_are_compressed_for_who_takes_it(api: Api):
    small = await api.request("GET", LONG, headers=GZIP)
    large = await api.request("GET", LONG, headers=PLAIN)
    assert (small.headers["content-encoding"], small.json()) == ("gzip", large.json())
    assert int(small.headers["content-length"]) < len(large.content) / 2
    assert "content-encoding" not in large.headers
    assert "accept-encoding" in small.headers["vary"].lower()


@pytest.mark.parametrize("path", ["/devices", "/live", "/readings/export?from=now-1h&format=parquet"])
async def test_short_answers_events_and_packed_files_are_not(api: Api, services: Services, path: str):
    services.stopping.set()
    answer = await api.request("GET", path, headers=GZIP)
    assert answer.status_code == 200, answer.text
    assert "content-encoding" not in answer.headers


async def test_a_file_of_text_is_compressed_while_it_is_sent(api: Api):
    path = LONG.replace("/series/1/readings?", "/readings/export?format=csv&")
    async with api.client.stream("GET", f"/api/v1{path}", headers=GZIP | {"X-API-Key": KEYS["read"]}) as answer:
        raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(raw).splitlines()) == 1 + 602


async def test_what_a_client_has_is_not_sent_again(api: Api, database: ReadingsDatabase):
    for path in ("/devices", LONG):
        first = await api.request("GET", path)
        tag = first.headers["etag"]
        again = await api.request("GET", path, headers={"If-None-Match": f'"other", {tag}'})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert (await api.request("GET", path, headers={"If-None-Match": 'W/"other"'})).status_code == 200
    database.connection.execute("UPDATE device SET label = 'another'")
    changed = await api.request("GET", "/devices", headers={"If-None-Match": tag})
    assert changed.status_code == 200


async def test_refusals_have_no_tag(api: Api):
    assert "etag" not in (await api.get("/devices/4711")).headers
