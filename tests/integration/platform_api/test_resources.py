"""What each resource answers, from a seeded database."""

import base64
from typing import Any

import pytest

from api import Api, assert_problem
from readings_database import BUCKET, DAY, HOUR, MONDAY, ReadingsDatabase
from sens.platform_api.services import Services
from sens.platform_api.times import rfc3339

MONDAY_TEXT = "2026-01-05T00:00:00Z"

WRONG_RANGES: list[tuple[dict[str, Any], str, str]] = [
    ({"from": "yesterday"}, "query.from", "now-1h"),
    ({"from": "2026-01-05T00:00:00"}, "query.from", "no offset"),
    ({"from": "2026-01-05T00:00:00 01:00"}, "query.from", "%2B"),
    ({"to": "9999-01-01T00:00:00Z"}, "query.to", "1970 to 2200"),
    ({"from": "now-999999w"}, "query.from", "1970 to 2200"),
    ({"from": "now", "to": "now-1h"}, "query.from", "before"),
    ({"from": "now-71d", "resolution": "10m"}, "query.from", "coarser"),
    ({"from": "now-11000d"}, "query.from", "3660 days"),
    ({"resolution": "5m"}, "query.resolution", "'10s', '1m', '10m', '1h' or '1d'"),
    ({"limit": 0}, "query.limit", "greater than or equal to 1"),
    ({"limit": 5001}, "query.limit", "less than or equal to 5000"),
]


async def pages(api: Api, path: str, **parameters: Any) -> list[dict[str, Any]]:
    """All entries of a list, two at a time."""
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await api.get(path, limit=2, **cursor, **parameters)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= 2
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


class TestDevices:
    async def test_devices_come_in_pages(self, api: Api, database: ReadingsDatabase):
        for name in ("pump-1", "pump-2", "Pümpe ☃"):
            database.one("INSERT INTO device (source_id, name) VALUES (1, %s) RETURNING id", name)
        assert [device["name"] for device in await pages(api, "/devices")] == ["Pümpe ☃", "boiler", "pump-1", "pump-2"]
        assert [device["name"] for device in await pages(api, "/devices", prefix="pump")] == ["pump-1", "pump-2"]
        assert await pages(api, "/devices", source="elsewhere") == []

    async def test_devices_come_by_their_newest_reading_in_pages(self, api: Api, database: ReadingsDatabase):
        database.one("INSERT INTO device (source_id, name) VALUES (1, 'mute') RETURNING id")

        async def names(**parameters: str) -> list[str]:
            return [device["name"] for device in await pages(api, "/devices", **parameters)]

        assert await names(sort="last_seen") == ["mute", "boiler"]
        assert await names(sort="-last_seen") == ["boiler", "mute"]
        assert await names(unseen_since="1970-01-02T00:00:00Z") == ["mute"]
        assert await names(seen_since="1970-01-02T00:00:00Z") == ["boiler"]
        assert await names(silent="true") == []
        assert_problem(await api.get("/devices", seen_since="yesterday"), 422, "invalid-request")
        assert_problem(await api.get("/devices", sort="age"), 422, "invalid-request")

    async def test_a_device_tells_what_it_has(self, api: Api):
        [listed] = (await api.get("/devices")).json()["items"]
        device = (await api.get(f"/devices/{listed['id']}")).json()
        assert device == listed
        assert (device["name"], device["source"], device["tenant"], device["series"]) == (
            "boiler",
            "plant-a",
            "home",
            4,
        )
        assert device["last_seen"].endswith("Z")

    async def test_a_device_that_is_not_there_is_a_problem(self, api: Api):
        problem = assert_problem(await api.get("/devices/4711"), 404, "not-found")
        assert problem["detail"] == "there is no device 4711"
        assert problem["instance"] == "/api/v1/devices/4711"


class TestSeries:
    async def test_series_are_filtered_and_paged(self, api: Api):
        assert [series["metric"] for series in await pages(api, "/series")] == ["m0", "m1", "m2", "mode"]
        assert [series["kind"] for series in await pages(api, "/series", device="boiler")] == [
            "number", "boolean", "number", "text",
        ]  # fmt: skip
        ids = [series["id"] for series in await pages(api, "/series", metric="m1", source="plant-a")]
        assert [series["id"] for series in await pages(api, "/series", id=[*ids, 4711])] == ids

    async def test_one_series_is_found_by_its_id(self, api: Api):
        series = (await api.get("/series/1")).json()
        assert (series["device"], series["metric"], series["kind"]) == ("boiler", "m0", "number")
        assert_problem(await api.get("/series/4711"), 404, "not-found")

    async def test_latest_values_are_numbers_or_texts(self, api: Api):
        number, text = await pages(api, "/latest")
        assert (number["metric"], number["value"], number["text"]) == ("m0", 599.0, None)
        assert (text["metric"], text["value"], text["text"]) == ("mode", None, "on")
        assert number["time"] == "2026-01-05T09:59:00Z"
        assert -1 < text["age_s"] < 60


class TestReadings:
    async def read(self, api: Api, parameters: dict[str, Any], series: int = 1) -> dict[str, Any]:
        answer = await api.get(f"/series/{series}/readings", **parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def test_raw_readings_come_in_columns_and_pages(self, api: Api):
        range_ = {"from": MONDAY_TEXT, "to": "2026-01-05T01:00:00+00:00", "resolution": "raw"}
        first = await self.read(api, {**range_, "limit": 40})
        second = await self.read(api, {**range_, "limit": 40, "from": first["next_from"]})
        assert (first["resolution"], first["kind"], second["next_from"]) == ("raw", "number", None)
        assert first["columns"]["value"] + second["columns"]["value"] == [float(n) for n in range(60)]
        assert second["columns"]["time_us"][-1] == MONDAY + 59 * BUCKET // 10

    async def test_aggregates_come_at_each_resolution_and_in_pages(self, api: Api):
        range_ = {"from": MONDAY_TEXT, "to": "2026-01-05T10:00:00Z"}
        ten = await self.read(api, {**range_, "resolution": "10m"})
        assert ten["columns"]["time_us"] == [MONDAY + n * BUCKET for n in range(60)]
        assert ten["columns"]["mean"][:2] == [4.5, 14.5]
        hours = await self.read(api, {**range_, "resolution": "1h", "limit": 7})
        rest = await self.read(api, {**range_, "resolution": "1h", "from": hours["next_from"]})
        assert hours["columns"]["time_us"] + rest["columns"]["time_us"] == [MONDAY + n * HOUR for n in range(10)]
        assert hours["columns"]["count"] == [60] * 7
        day = await self.read(api, {**range_, "resolution": "1d"})
        assert day["columns"] == {
            "time_us": [MONDAY], "count": [600], "min": [0.0], "max": [599.0], "mean": [299.5], "first": [0.0],
            "last": [599.0],
        }  # fmt: skip
        berlin = await self.read(api, {**range_, "resolution": "1d", "time_zone": "Europe/Berlin"})
        assert berlin["columns"]["time_us"] == [MONDAY - HOUR]

    async def test_series_are_found_by_their_newest_reading_and_by_silence(self, api: Api, database: ReadingsDatabase):
        async def found(**which: Any) -> list[int]:
            answer = await api.get("/series", **which)
            assert answer.status_code == 200, answer.text
            return [each["id"] for each in answer.json()["items"]]

        assert (await found(seen_since="now-1h"), await found(unseen_since="now-1h")) == ([4], [1, 2, 3])
        assert await found(seen_since="2026-01-01T00:00:00Z", unseen_since="now-1h") == [1]
        assert await found(silent=True) == []
        await api.request("PATCH", "/devices/1", json={"expected_interval_s": 600})
        assert (await found(silent=True, seen_since="1970-01-02T00:00:00Z"), await found(silent=True, q="mode")) == (
            [1],
            [],
        )
        assert 4 in await found(silent=False)
        assert_problem(await api.get("/series", unseen_since="yesterday"), 422, "invalid-request")

    async def test_auto_sums_up_what_a_chart_could_not_show(self, api: Api):
        day = await self.read(api, {"from": MONDAY_TEXT, "to": "2026-01-06T00:00:00Z"})
        assert (day["resolution"], len(day["columns"]["time_us"]), day["next_from"]) == ("10m", 60, None)
        assert (await self.read(api, {"from": "now-30d"}))["resolution"] == "1h"
        assert (await self.read(api, {"from": "now-1000d"}))["resolution"] == "1d"

    async def test_auto_falls_back_to_sums_when_raw_readings_are_too_many(self, api: Api, database: ReadingsDatabase):
        now = database.one("SELECT (extract(epoch FROM now()) * 1000000)::bigint")
        database.write([(3, now - n * 1_000_000, float(n)) for n in range(1, 100)])
        few = await self.read(api, {"from": "now-1h", "limit": 99}, series=3)
        many = await self.read(api, {"from": "now-1h", "limit": 98}, series=3)
        assert (few["resolution"], len(few["columns"]["value"])) == ("raw", 99)
        assert (many["resolution"], sum(many["columns"]["count"])) == ("1m", 99)

    async def test_dense_readings_of_less_than_a_day_are_summed_up_by_seconds_and_minutes(
        self, api: Api, database: ReadingsDatabase
    ):
        now: int = database.one("SELECT (extract(epoch FROM now()) * 1000000)::bigint")
        begin = now - now % DAY - DAY  # `auto` takes raw readings as far back as retention keeps them
        database.write([(3, begin + n * 1_000_000, float(n)) for n in range(3600)])
        hour = await self.read(api, {"from": rfc3339(begin), "to": rfc3339(begin + HOUR)}, series=3)
        assert (hour["resolution"], hour["columns"]["count"]) == ("10s", [10] * 360)
        assert hour["columns"]["time_us"] == [begin + n * 10_000_000 for n in range(360)]
        assert hour["columns"]["max"][:2] == [9.0, 19.0]
        day = await self.read(api, {"from": rfc3339(begin), "to": rfc3339(begin + DAY)}, series=3)
        assert (day["resolution"], day["columns"]["count"]) == ("1m", [60] * 60)
        together = (
            await api.get("/readings", series=[1, 3], **{"from": rfc3339(begin), "to": rfc3339(begin + DAY)})
        ).json()
        assert [each["resolution"] for each in together["series"]] == ["1m", "1m"]

    async def test_texts_are_read_as_they_are(self, api: Api):
        text = await self.read(api, {"from": MONDAY_TEXT, "to": "2026-01-06T00:00:00Z"}, series=4)
        assert (text["kind"], text["resolution"]) == ("text", "raw")
        assert text["columns"] == {"time_us": [MONDAY], "text": ["on"]}
        problem = assert_problem(await api.get("/series/4/readings", resolution="1h"), 422, "invalid-request")
        assert problem["errors"][0]["location"] == "query.resolution"

    async def test_values_that_no_float_can_sum_have_no_mean(self, api: Api, database: ReadingsDatabase):
        database.write([(3, MONDAY, 1.7e308), (3, MONDAY + 1, 1.7e308)])
        range_ = {"from": MONDAY_TEXT, "to": "2026-01-05T00:10:00Z", "resolution": "10m"}
        got = await self.read(api, range_, series=3)
        assert (got["columns"]["mean"], got["columns"]["max"]) == ([None], [1.7e308])

    async def test_a_wrong_range_is_explained(self, api: Api):
        for parameters, location, says in WRONG_RANGES:
            problem = assert_problem(await api.get("/series/1/readings", **parameters), 422, "invalid-request")
            assert problem["errors"][0]["location"] == location
            assert says in problem["errors"][0]["message"]

    async def test_an_unknown_time_zone_is_explained(self, api: Api):
        answer = await api.get("/series/1/readings", resolution="1d", time_zone="Mars/Base")
        assert "Mars" in assert_problem(answer, 422, "invalid-request")["detail"]

    @pytest.mark.parametrize("zone", ["-5", "XYZ99", "Foo/Bar99", "CET", "EST5EDT", "utc", "/", "Etc/GMT+14"])
    async def test_a_time_zone_is_an_area_and_a_place_and_no_offset_or_abbreviation(self, api: Api, zone: str):
        answer = await api.get("/series/1/readings", resolution="1d", time_zone=zone)
        problem = assert_problem(answer, 422, "invalid-request")
        assert problem["errors"][0]["location"] == "query.time_zone"
        assert "such as Europe/Berlin" in problem["errors"][0]["message"]

    @pytest.mark.parametrize("zone", ["UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires", "America/Port-au-Prince"])
    async def test_a_time_zone_may_be_any_that_iana_names_by_area_and_place(self, api: Api, zone: str):
        answer = await api.get("/series/1/readings", resolution="1d", time_zone=zone)
        assert answer.status_code == 200, answer.text


class TestSources:
    async def test_sources_are_those_declared_and_those_seen(self, api: Api, services: Services):
        said = {"state": "connected", "instance": "w-0", "since": MONDAY, "broker": "mqtt://b", "topics": ["a/+"]}
        await services.board.put("plant-z", "exclusive", said)
        known, declared = await pages(api, "/sources")
        assert (known["name"], known["devices"], known["tenant"], known["state"]) == ("plant-a", 1, "home", "silent")
        assert (declared["name"], declared["devices"], declared["first_seen_at"]) == ("plant-z", 0, None)
        assert (declared["declared"], declared["tenant"], declared["state"]) == (True, "default", "connected")
        [session] = declared["sessions"]
        assert (session["instance"], session["since"], session["topics"]) == ("w-0", "2026-01-05T00:00:00Z", ["a/+"])
        assert 0 <= session["age_s"] < 10


class TestQuarantine:
    async def test_messages_are_listed_by_state_and_reason(self, api: Api):
        listed = await pages(api, "/quarantine")
        assert [each["reason"] for each in listed] == ["conflict", "invalid_syntax", "no_route"]
        assert (listed[0]["topic"], listed[0]["state"], listed[0]["position"]) == ("a/\\xff", "open", 2)
        assert len(await pages(api, "/quarantine", reason="no_route", source="plant-a", state="open")) == 1
        assert await pages(api, "/quarantine", state="discarded") == []

    async def test_a_message_is_shown_with_its_payload(self, api: Api):
        newest, _, oldest = await pages(api, "/quarantine")
        shown = (await api.get(f"/quarantine/{newest['id']}")).json()
        assert (base64.b64decode(shown["payload_base64"]), shown["payload_text"]) == (b"\xff", None)
        assert (await api.get(f"/quarantine/{oldest['id']}")).json()["payload_text"] == "{}"
        assert_problem(await api.get("/quarantine/4711"), 404, "not-found")

    async def test_a_message_is_discarded_once(self, api: Api):
        path = f"/quarantine/{(await pages(api, '/quarantine'))[0]['id']}/discard"
        assert (await api.request("POST", path)).json()["state"] == "discarded"
        problem = assert_problem(await api.request("POST", path), 409, "already-settled")
        assert "discarded already" in problem["detail"]
        assert_problem(await api.request("POST", "/quarantine/4711/discard"), 404, "not-found")

    async def test_counts_and_overflow_are_told(self, api: Api):
        counts = (await api.get("/quarantine/summary")).json()["items"]
        assert [(each["reason"], each["state"], each["messages"]) for each in counts] == [
            ("conflict", "open", 1), ("invalid_syntax", "open", 1), ("no_route", "open", 1),
        ]  # fmt: skip
        [overflow] = (await api.get("/quarantine/overflow")).json()["items"]
        assert (overflow["count"], overflow["topic"], base64.b64decode(overflow["sample"])) == (7, "a/b", b"x")


async def test_a_cursor_of_another_list_is_refused(api: Api):
    for cursor in ("nonsense!", "MQ", "WyJcdTAwMDAiLDFd", "eyJhIjoxfQ"):
        problem = assert_problem(await api.get("/devices", cursor=cursor), 422, "invalid-request")
        assert problem["errors"][0]["location"] == "query.cursor"


async def test_the_document_is_openapi_3_1_and_needs_no_key(api: Api):
    answer = await api.get("/openapi.json", key=None)
    assert answer.json()["openapi"].startswith("3.1")


async def test_a_source_comes_with_its_piece_of_the_configuration(api: Api, services: Services):
    services.source_pieces = {"plant-a": "- name: plant-a"}
    assert (await api.get("/sources/plant-a")).json()["configuration"] == "- name: plant-a"
    declared_only = (await api.get("/sources/plant-z")).json()
    assert (declared_only["configuration"], declared_only["declared"], declared_only["devices"]) == (None, True, 0)
    assert_problem(await api.get("/sources/plant-x"), 404, "not-found")
