"""The commands against a whole platform that `sens up` runs, as in getting-started."""

import csv
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from command_line import Sens
from servers import free_port, wait_until
from whole_platform import Platform

ANSWER_S = 30.0


def test_what_is_sent_is_in_the_ledger_in_devices_and_in_readings(platform: Platform):
    broker = f"mqtt://127.0.0.1:{platform.mqtt_port}"
    report = platform.json("simulate", "--broker", broker, "--messages", "200", "--rate", "500", "--devices", "10")
    assert report["acknowledged"] == 200

    def settled() -> Any:
        entry = next((each for each in platform.json("ledger")["sources"] if each["source"] == "simulator"), None)
        return entry if entry and entry["decoded"] + entry["quarantined"] >= 200 else None

    entry = platform.eventually(settled)
    assert (entry["pending"], entry["balanced"]) == (0, True)
    lines = platform("ledger").stdout.decode().splitlines()
    assert [line.split()[0] for line in lines] == ["source", "simulator", "total"]
    assert all(line.split()[-1] == "yes" for line in lines[1:])

    names = [device["name"] for device in platform.json("devices", "--prefix", "climate")]
    assert "climate-0001" in names
    assert {"temperature", "humidity"} <= {each["metric"] for each in platform.json("devices", "climate-0001")}
    found = platform.json("readings", "--device", "climate-0001", "--metric", "temperature", "--resolution", "raw")
    assert found["resolution"] == "raw"
    assert len(found["readings"]) == 20
    assert isinstance(found["readings"][0]["value"], float)


def test_readings_are_a_table_csv_or_json_of_the_same(platform: Platform):
    for value in ("true", "false"):
        platform.publish("sens/door-1/telemetry", f'{{"open": {value}, "who": "Ann, \\"A\\""}}')
    which = ("readings", "--device", "door-1", "--metric", "open")
    platform.eventually(lambda: platform(*which).stdout.count(b"\n") == 3)
    assert [reading["value"] for reading in platform.json(*which)["readings"]] == [True, False]
    assert [line.split(",")[1] for line in platform(*which, "--csv").stdout.decode().split()] == [
        "value",
        "true",
        "false",
    ]
    assert [line.split()[1] for line in platform(*which).stdout.decode().splitlines()] == ["value", "true", "false"]
    text = platform("readings", "--device", "door-1", "--metric", "who", "--csv").stdout.decode()
    assert text.splitlines()[1].partition(",")[2] == '"Ann, ""A"""'
    some = platform(*which, "--limit", "1")
    assert some.stdout.count(b"\n") == 2
    assert b"--limit" in some.stderr


def test_a_device_that_is_not_there_is_said(platform: Platform):
    answer = platform("devices", "nope", "--json")
    assert (answer.returncode, answer.stdout) == (2, b"")
    assert answer.stderr == b"sens: there is no device nope: sens devices lists them\n"


def test_a_series_that_is_none_or_several_is_said(platform: Platform):
    platform.publish("sens/many/telemetry", '{"a": 1, "b": 2}')
    platform.eventually(lambda: platform.measured("many"))
    several = platform("readings", "--device", "many")
    assert several.returncode == 2
    ids = [str(each["series_id"]) for each in platform.json("devices", "many")]
    assert all(id_ in several.stderr.decode() for id_ in ids)
    assert platform("readings", ids[0]).returncode == 0
    nothing = platform("readings", "--device", "many", "--metric", "c")
    assert nothing.returncode == 2
    assert b"there is no series" in nothing.stderr


def test_tail_prints_readings_as_they_arrive(platform: Platform):
    tail = platform.sens.start("tail", "--device", "live", "--count", "3", "--json", SENS_URL=platform.url)
    platform.eventually(
        lambda: platform.publish("sens/live/telemetry", '{"a": 1, "b": "x"}') or tail.poll() is not None
    )
    out, err = tail.communicate(timeout=30)
    assert tail.returncode == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) == 3
    assert {line["device"] for line in lines} == {"live"}
    assert {line["value"] for line in lines} == {1.0, "x"}


def test_quarantine_is_listed_shown_and_discarded(platform: Platform):
    payload = b'{"t": \xff\x1b[31m'
    platform.publish("sens/bad/telemetry", payload)
    [message] = platform.eventually(lambda: platform.json("quarantine", "list", "--reason", "invalid_syntax"))
    id_ = str(message["id"])
    assert (message["topic"], message["state"]) == ("sens/bad/telemetry", "open")
    assert platform("quarantine", "show", id_, "--payload").stdout == payload
    shown = platform("quarantine", "show", id_).stdout
    assert b"invalid_syntax" in shown
    assert b"\x1b" not in shown
    assert platform("quarantine", "discard", id_).returncode == 0
    again = platform("quarantine", "discard", id_, "999999")
    assert again.returncode == 2
    assert b"discarded already" in again.stdout
    assert b"there is no message 999999" in again.stdout
    assert platform.json("quarantine", "list", "--reason", "invalid_syntax") == []
    states = [each["state"] for each in platform.json("quarantine", "list", "--state", "any")]
    assert "discarded" in states


def test_an_export_is_a_file_of_all_readings_or_none(platform: Platform, tmp_path: Path):
    platform.publish("sens/exported/telemetry", json.dumps({"level": 4.5, "mode": "auto"}))
    platform.eventually(lambda: len(platform.json("devices", "exported")) == 2)
    file = tmp_path / "readings.csv"
    chosen = ("--device", "exported", "--from", "now-1h", "-o", f"{file}")
    assert platform("export", *chosen).returncode == 0
    rows = [(row["metric"], row["value"], row["text"]) for row in csv.DictReader(file.open())]
    assert sorted(rows) == [("level", "4.5", ""), ("mode", "", "auto")]
    again = platform("export", *chosen)
    assert (again.returncode, b"--force" in again.stderr) == (2, True)
    assert platform("export", *chosen, "--force").returncode == 0
    nothing = platform("export", "--device", "nobody", "-o", f"{tmp_path / 'none.parquet'}")
    assert (nothing.returncode, b"no series fits" in nothing.stderr) == (2, True)
    unknown = platform("export", "-o", f"{tmp_path / 'readings.txt'}")
    assert (unknown.returncode, b"--format" in unknown.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == [file]


def test_replay_doubles_nothing(platform: Platform):
    platform.publish("sens/again/telemetry", '{"t": 1}')
    platform.eventually(lambda: platform.measured("again"))
    before = platform.json("ledger")["total"]["readings"]
    report = platform.json("replay", "--from", "now-1h")
    assert report["messages"] >= 1
    assert (report["stored"], report["conflict"]) == (0, 0)
    assert platform.json("ledger")["total"]["readings"] == before


def test_a_message_that_still_cannot_be_decoded_stays_in_quarantine(platform: Platform):
    platform.publish("sens/empty/telemetry", b"")
    [message] = platform.eventually(lambda: platform.json("quarantine", "list", "--reason", "empty_payload"))
    [report] = platform.json("quarantine", "replay", str(message["id"]))
    assert (report["stored"], report["quarantined"], report["problem"]) == (0, 1, None)
    assert platform.json("quarantine", "list", "--reason", "empty_payload")[0]["id"] == message["id"]


def test_all_of_one_reason_are_replayed_or_discarded_at_once(platform: Platform):
    fitting = ("--reason", "no_readings", "--source", "simulator")
    for n in range(3):
        platform.publish(f"sens/hollow-{n}/telemetry", b"{}")
    platform.eventually(lambda: len(platform.json("quarantine", "list", *fitting)) == 3)
    report = platform.json("quarantine", "replay", *fitting)
    assert (report["tried"], report["still_open"], report["stored"]) == (3, 3, 0)
    assert platform.json("quarantine", "discard", *fitting) == {"discarded": 3}
    assert platform.json("quarantine", "list", *fitting) == []
    both = platform("quarantine", "discard", "1", *fitting)
    assert (both.returncode, b"either ids" in both.stderr) == (2, True)


def test_a_key_opens_what_its_scope_allows_until_it_is_revoked(platform: Platform, tmp_path: Path):
    made = platform("api-key", "create", "reader", "--expires", "now+1d")
    key = made.stdout.decode().strip()
    assert made.returncode == 0
    assert key.startswith("sens_")
    assert key not in made.stderr.decode()
    assert platform("devices", api_key=key).returncode == 0
    refused = platform("api-key", "list", api_key=key)
    assert refused.returncode == 3
    assert b"needs the scope admin" in refused.stderr
    [listed] = [each for each in platform.json("api-key", "list") if each["name"] == "reader"]
    assert listed["scope"] == "read"
    assert platform("api-key", "revoke", str(listed["id"])).returncode == 0
    (tmp_path / "key").write_text(key)
    wait_until(lambda: platform("devices", "--api-key-file", str(tmp_path / "key")).returncode == 3, 15)


def test_sens_up_shows_a_link_that_logs_in_once(platform: Platform):
    assert platform.login_link.startswith(f"{platform.url}/login#token=")
    token = platform.login_link.partition("#token=")[2]
    answers = [httpx.post(f"{platform.url}/api/v1/session", json={"token": token}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    user = answers[0].json()["user"]
    assert (user["name"], user["role"], user["tenant"]) == ("admin", "admin", None)


def test_users_are_made_changed_and_deleted(platform: Platform, tmp_path: Path):
    def log_in(password: str) -> int:
        body = {"username": "ann", "password": password}
        return httpx.post(f"{platform.url}/api/v1/session", json=body).status_code

    file = tmp_path / "password"
    for password in ("correct horse battery", "staple battery horse"):
        file.write_text(f"{password}\n")
        which = ("create", "ann", "--role", "admin") if password.startswith("correct") else ("set-password", "ann")
        assert platform("user", *which, "--password-file", str(file)).returncode == 0
        assert log_in(password) == 200
    assert platform("user", "set-role", "ann", "viewer").returncode == 0
    link = platform("user", "login-link", "ann").stdout.decode().strip()
    assert link.startswith(f"{platform.url}/login#token=")
    assert platform("user", "disable", "ann").returncode == 0
    assert log_in("staple battery horse") == 401
    [listed] = [user for user in platform.json("user", "list") if user["name"] == "ann"]
    assert (listed["role"], listed["disabled"], listed["has_password"]) == ("viewer", True, True)
    assert platform("user", "delete", "ann").returncode == 0
    gone = platform("user", "delete", "ann")
    assert (gone.returncode, b"there is no user ann" in gone.stderr) == (2, True)


def test_without_a_key_the_way_to_one_is_said(platform: Platform, tmp_path: Path):
    answer = Sens(tmp_path)("ledger", "--url", platform.url)
    assert answer.returncode == 3
    assert b"--api-key-file" in answer.stderr


@pytest.mark.parametrize("arguments", [["ledger"], ["tail"], ["quarantine", "list"], ["api-key", "list"]])
def test_where_no_api_answers_the_code_is_4(tmp_path: Path, arguments: list[str]):
    url = f"http://127.0.0.1:{free_port()}"
    answer = Sens(tmp_path)(*arguments, "--url", url)
    assert answer.returncode == 4
    assert f"is `sens up` running? Tried {url}" in answer.stderr.decode()
