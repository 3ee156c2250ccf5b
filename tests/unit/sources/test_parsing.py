"""A right configuration becomes values; every mistake in a wrong one is told with its place and what to write."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sens.domain.columns import DecoderType
from sens.domain.errors import Fatal
from sens.sources import Configuration, InvalidConfiguration, Problem, examine, examine_file, load, parse

Read = Callable[[str], Configuration]
Problems = Callable[[str], list[Problem]]
OneSource = Callable[..., str]


def told(found: list[Problem]) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.path) for problem in found]


def only(found: list[Problem]) -> Problem:
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]


def test_defaults_fill_what_is_not_written(read: Read, one_source: OneSource) -> None:
    configuration = read(one_source())
    [source] = configuration.sources
    assert [tenant.name for tenant in configuration.tenants] == ["default"]
    assert (source.tenant, source.client_id, source.mqtt_version, source.qos) == ("default", "sens-plant-a", 5, 1)
    assert (source.host, source.port, source.tls_enabled) == ("broker", 1883, False)
    assert source.session_expiry_s == 7 * 86_400
    assert source.time_window.oldest == timedelta(days=3650)
    assert configuration.retention.raw == timedelta(days=90)
    assert configuration.raw_stream.replay_window == timedelta(days=7)
    assert configuration.source("plant-a") is source
    assert configuration.source("plant-b") is None


def test_decoder_options_stand_beside_the_keys_of_the_topic(read: Read, one_source: OneSource) -> None:
    topics = "[{topic: 'a/{device}', decoder: json, qos: 0, time: {field: ts, format: ms}}]"
    [topic] = read(one_source(topics=topics)).sources[0].topics
    assert (topic.qos, topic.options.time.field, topic.options.time.format) == (0, "ts", "ms")


@pytest.mark.parametrize(
    ("broker", "host", "port", "tls"),
    [
        ("mqtt://a", "a", 1883, False),
        ("MQTTS://A.example.org", "a.example.org", 8883, True),
        ("mqtt://10.0.0.1:2000/", "10.0.0.1", 2000, False),
        ("'mqtts://[::1]:2000'", "::1", 2000, True),
    ],
)
def test_a_broker_url_gives_host_port_and_tls(
    read: Read, one_source: OneSource, broker: str, host: str, port: int, tls: bool
) -> None:
    [source] = read(one_source(broker=broker)).sources
    assert (source.host, source.port, source.tls_enabled) == (host, port, tls)


@pytest.mark.parametrize(
    ("broker", "hint"),
    [
        ("broker:1883", "mqtt://HOST"),
        ("ws://broker", "TCP port"),
        ("ssl://broker", "mqtts://"),
        ("http://broker", "mqtt:// or mqtts://"),
        ("mqtt://user:secret@broker", "username:"),
        ("mqtt://broker:0", "1 to 65535"),
        ("mqtt://broker:70000", "1 to 65535"),
        ("mqtt://broker/path", "without a path"),
        ("mqtt://", "mqtt://HOST"),
        ("'mqtt://a b'", "mqtt://HOST"),
        ("'mqtt://[::1'", "mqtt://HOST"),
    ],
)
def test_a_wrong_broker_url_is_told_what_to_write(
    problems: Problems, one_source: OneSource, broker: str, hint: str
) -> None:
    problem = only(problems(one_source(broker=broker)))
    assert (problem.line, problem.column, problem.path) == (3, 11, "sources[0].broker")
    assert hint in problem.hint
    assert "secret" not in str(problem)


@pytest.mark.parametrize(("written", "version"), [("3.1.1", 4), ("'3.1.1'", 4), ("5", 5), ("'5'", 5), ("5.0", 5)])
def test_the_mqtt_version_is_written_as_people_call_it(
    read: Read, one_source: OneSource, written: str, version: int
) -> None:
    assert read(one_source(f"mqtt_version: {written}")).sources[0].mqtt_version == version


@pytest.mark.parametrize(
    ("written", "duration"),
    [
        ("45s", timedelta(seconds=45)),
        ("30min", timedelta(minutes=30)),
        ("12h", timedelta(hours=12)),
        ("2w", timedelta(weeks=2)),
        ("1y", timedelta(days=365)),
    ],
)
def test_durations_bear_their_unit(read: Read, one_source: OneSource, written: str, duration: timedelta) -> None:
    assert read(one_source(f"time_window: {{newest: {written}}}")).sources[0].time_window.newest == duration


def test_retention_may_be_forever_and_rollups_stay_as_long_as_raw(read: Read, one_source: OneSource) -> None:
    assert read(one_source() + "retention: {raw: forever}\n").retention.rollup is None
    assert read(one_source() + "retention: {raw: 9y}\n").retention.rollup == timedelta(days=9 * 365)
    assert read(one_source() + "retention: {rollup: forever}\n").retention.rollup is None


@pytest.mark.parametrize(
    ("line", "column", "path", "message", "hint"),
    [
        ("borker: x", 3, "borker", "unknown key 'borker'", "did you mean 'broker'?"),
        ("qos: 3", 8, "qos", "unknown QoS", "0, 1 or 2"),
        ("qos: true", 8, "qos", "unknown QoS", "0, 1 or 2"),
        ("mode: shred", 9, "mode", "unknown value", "did you mean 'shared'? known values: exclusive, shared"),
        ("mqtt_version: 4", 17, "mqtt_version", "MQTT version", "3.1.1 or 5"),
        ("keep_alive_s: '30'", 17, "keep_alive_s", "expected a whole number, found a text", "without quotes"),
        ("keep_alive_s: 1", 17, "keep_alive_s", "at least 5", ""),
        ("limits: {max_message_bytes: 255}", 31, "limits.max_message_bytes", "at least 256", ""),
        ("username: 12", 13, "username", "expected a text, found a whole number", "quotes"),
        ("username: {user}", 13, "username", "expected a text, found keys and values", "quotes"),
        ("client_id: a/b", 14, "client_id", "client id", "letters"),
        ("tenant: acme", 11, "tenant", "unknown tenant 'acme'", "tenants: default"),
        ("tls: {ca: x}", 3, "tls", "without TLS", "mqtts://"),
        ("group: g", 3, "group", "shared mode", "mode: shared"),
        ("limits: {max_devices: 0}", 25, "limits.max_devices", "at least 1", ""),
        ("limits: {max_device: 1}", 12, "limits.max_device", "unknown key", "did you mean 'max_devices'?"),
        ("limits: 3", 11, "limits", "expected keys and values, found a whole number", ""),
        ("time_window: {oldest: 10}", 25, "time_window.oldest", "needs a unit", "90d"),
        ("time_window: {oldest: 10m}", 25, "time_window.oldest", "no duration", "30min"),
        ("time_window: {oldest: 2000y}", 25, "time_window.oldest", "1000 years", "shorter"),
    ],
)
def test_a_wrong_setting_is_told_with_its_place_and_what_to_write(
    problems: Problems, one_source: OneSource, line: str, column: int, path: str, message: str, hint: str
) -> None:
    problem = only(problems(one_source(line)))
    assert (problem.line, problem.column, problem.path) == (4, column, f"sources[0].{path}")
    assert message in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    "password", ["hunter2", "'*hunter2'", "[hunter2]", "{hunter2}", "{env: {hunter2: 1}}", "!hunter2 x"]
)
def test_a_password_in_the_file_is_refused_and_not_repeated(
    problems: Problems, one_source: OneSource, password: str
) -> None:
    found = problems(one_source("username: u", f"password: {password}"))
    assert found
    assert all(problem.line == 5 for problem in found)
    assert "hunter2" not in "".join(map(str, found))


def test_a_plain_password_is_told_the_two_ways_to_refer_to_it(problems: Problems, one_source: OneSource) -> None:
    for password in ("hunter2", "{}", "{env: A, file: b}"):
        assert "{env: NAME} or {file: PATH}" in only(problems(one_source(f"password: {password}"))).hint


def test_an_alias_that_may_be_a_password_is_not_repeated(problems: Problems, one_source: OneSource) -> None:
    problem = only(problems(one_source("password: *hunter2")))
    assert problem.line == 4
    assert "hunter2" not in str(problem)


def test_mqtt_3_takes_no_password_without_a_user_name(problems: Problems, one_source: OneSource) -> None:
    found = problems(one_source("password: {env: A}", "mqtt_version: 3.1.1"))
    assert "username" in only(found).hint


def test_tls_settings_that_contradict_each_other_are_refused(problems: Problems, one_source: OneSource) -> None:
    found = problems(one_source("tls: {key: a}", broker="mqtts://b"))
    assert "write certificate:" in only(found).hint
    found = problems(one_source("tls: {verify: false, ca: a}", broker="mqtts://b"))
    assert only(found).path == "sources[0].tls.verify"


@pytest.mark.parametrize(
    ("topic", "path", "message", "hint"),
    [
        ("{topic: 'a/{device}'}", "decoder", "'decoder' is missing", "json, plain; or ignore: true"),
        ("{topic: 'a/{device}', decoder: jsn}", "decoder", "unknown decoder 'jsn'", "did you mean 'json'?"),
        ("{topic: 'a/{device}', decoder: json, tiem: 1}", "tiem", "unknown key", "did you mean 'time'?"),
        ("{topic: 'a/{device}', decoder: json, device_nam: 1}", "device_nam", "unknown key", "'device_name'?"),
        ("{topic: 'a/{device}', decoder: json, options: {}}", "options", "unknown key", "known keys: decoder, device"),
        ("{topic: 'a/{device}', decoder: json, time: {}}", "time", "'field' is missing", "write field: … Name of"),
        ("{topic: 'a/{device}', decoder: json, time: {field: a, format: m}}", "time.format", "unknown value", "auto"),
        ("{topic: 'a/{device}', decoder: json, fields: 3}", "fields", "; or expected a list", ""),
        ("{topic: 'a/{device}', decoder: json, fields: {t: {unti: 1}}}", "fields.t.unti", "unknown key", "'unit'?"),
        ("{topic: a/b, decoder: json}", "topic", "nothing names the device", "{device} in the topic, or device_name"),
        ("{topic: 'a/{device}', decoder: plain}", "topic", "nothing names the metric", "{metric}"),
        ("{topic: 'a/{device}', decoder: json, device_name: d}", "device_name", "both {device}", "+ instead"),
        ("{topic: a/b, decoder: json, device_name: ' '}", "device_name", "the name is empty", "1 to 255"),
        ("{topic: a#/b, decoder: json}", "topic", "wildcard must be a whole level", ""),
        ("{topic: $share/g/a, decoder: json}", "topic", "shared subscription", "mode: shared"),
        ("{topic: '{devcie}/a', decoder: json}", "topic", "{devcie} means nothing", "{device}"),
        ('{topic: "a\\n", decoder: json}', "topic", "control character", "sens/"),
        ("{topic: {device}, decoder: json}", "topic", "found keys and values", "begins with { in quotes"),
        ("{topic: a, ignore: true, decoder: json}", "decoder", "an ignored topic has no decoder", "remove"),
        ("{topic: a, ignore: true, device_name: d}", "device_name", "ignored topic", "remove"),
        ("{topic: a, ignore: true, time: d}", "time", "unknown key", "known keys"),
        ("{topic: a, ignore: maybe}", "ignore", "expected true or false, found a text", "without quotes"),
        ("{topic: a, decoder: 3}", "decoder", "expected a text", "quotes"),
    ],
)
def test_a_wrong_topic_is_told_what_to_write(
    problems: Problems, one_source: OneSource, topic: str, path: str, message: str, hint: str
) -> None:
    found = [problem for problem in problems(one_source(topics=f"[{topic}]")) if problem.path.endswith(f"[0].{path}")]
    problem = only(found)
    assert problem.line == 4
    assert message in problem.message
    assert hint in problem.hint


def test_a_payload_that_names_its_device_needs_none_in_the_topic(read: Read, one_source: OneSource) -> None:
    [topic] = read(one_source(topics="[{topic: a/b, decoder: json, device: {field: id}}]")).sources[0].topics
    assert topic.options.device.field == "id"


def test_overlapping_topics_are_refused_with_both_lines(problems: Problems, one_source: OneSource) -> None:
    topics = "\n  - {topic: 'a/{device}/b', decoder: json}\n  - {topic: 'a/x/+', decoder: json, device_name: x}"
    problem = only(problems(one_source(topics=topics)))
    assert (problem.line, problem.column) == (6, 13)
    assert "'a/x/+' overlaps 'a/{device}/b' of line 5" in problem.message


def test_an_ignored_topic_may_lie_within_one_that_is_read(read: Read, one_source: OneSource) -> None:
    topics = "[{topic: 'a/{device}', decoder: json}, {topic: a/x, ignore: true}, {topic: b/#, ignore: true}]"
    [source] = read(one_source(topics=topics)).sources
    assert source.filters == (("a/+", 1), ("b/#", 1))


def test_shared_mode_shares_filters_and_numbers_clients(read: Read, one_source: OneSource) -> None:
    topics = "[{topic: 'a/{device}', decoder: json, qos: 2}, {topic: 'b/{device}', decoder: json}]"
    [source] = read(one_source("mode: shared", "group: g", "qos: 0", topics=topics)).sources
    assert source.filters == (("$share/g/a/+", 2), ("$share/g/b/+", 0))
    assert (source.session(3), source.session_client_id(3)) == ("shared-3", "sens-plant-a-3")


def test_an_exclusive_source_has_one_session_whoever_holds_it(read: Read, one_source: OneSource) -> None:
    [source] = read(one_source()).sources
    assert (source.session(3), source.session_client_id(3)) == ("exclusive", "sens-plant-a")


def test_two_sources_may_not_be_one_client_of_a_broker(problems: Problems, one_source: OneSource) -> None:
    other = one_source("client_id: sens-plant-a", name="b", broker="mqtt://BROKER:1883").removeprefix("sources:\n")
    problem = only(problems(one_source() + other))
    assert (problem.line, problem.path) == (7, "sources[1].client_id")
    assert "source 'plant-a' of line 2" in problem.message


def test_two_sources_may_not_share_a_group_at_a_broker(problems: Problems, one_source: OneSource) -> None:
    lines = ("mode: shared", "group: g")
    problem = only(problems(one_source(*lines) + one_source(*lines, name="b").removeprefix("sources:\n")))
    assert problem.path == "sources[1].group"


def test_names_stand_once(problems: Problems, one_source: OneSource) -> None:
    text = one_source() + one_source(broker="mqtt://other").removeprefix("sources:\n")
    assert "'plant-a' stands twice, first in line 2" in only(problems(text)).message
    text = one_source() + "tenants: [{name: default}, {name: default}]\n"
    assert "tenant 'default' stands twice" in only(problems(text)).message


def test_a_source_without_a_tenant_is_told_the_declared_ones(problems: Problems, one_source: OneSource) -> None:
    problem = only(problems(one_source() + "tenants: [{name: acme}, {name: other}]\n"))
    assert (problem.message, problem.hint) == ("the source has no tenant", "tenants: acme, other")


@pytest.mark.parametrize(
    ("retention", "path"),
    [("{raw: 3h}", "retention.raw"), ("{raw: 9d, rollup: 8d}", "retention.rollup"), ("{raw: 1}", "retention.raw"),
     ("{raw: forever, rollup: 1y}", "retention.rollup"), ("{rwa: 1d}", "retention.rwa")],
)  # fmt: skip
def test_wrong_retention_is_refused(problems: Problems, one_source: OneSource, retention: str, path: str) -> None:
    assert only(problems(one_source() + f"retention: {retention}\n")).path == path


def test_all_problems_of_a_file_are_told_at_once_in_its_order(problems: Problems) -> None:
    text = """\
tenants: [{name: Acme}]
sorces: 1
sources:
  - name: a
    borker: x
    broker: mqtt://b
    tenant: Acm
    tls: {ca: x}
    topics:
      - topic: a/#
        decoder: json
        time: {feld: x}
      - topic: a/{device}
        decoder: jsn
      - ''
  - name: a
    name: b
    client_id: sens-a
    broker: mqtt://b
    password: secret
    topics: []
retention: {raw: 3h}
"""
    assert told(problems(text)) == [
        (1, 18, "tenants[0].name"),
        (2, 1, "sorces"),
        (5, 5, "sources[0].borker"),
        (7, 13, "sources[0].tenant"),
        (8, 5, "sources[0].tls"),
        (12, 15, "sources[0].topics[0].time"),
        (12, 16, "sources[0].topics[0].time.feld"),
        (13, 16, "sources[0].topics[1].topic"),
        (14, 18, "sources[0].topics[1].decoder"),
        (15, 9, "sources[0].topics[2]"),
        (16, 5, "sources[1]"),
        (16, 11, "sources[1].name"),
        (17, 5, "sources[1].name"),
        (20, 15, "sources[1].password"),
        (21, 5, "sources[1].topics"),
        (22, 18, "retention.raw"),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message", "hint"),
    [
        ("", 1, "the file is empty", "docs/configuration.md"),
        ("retention:\n  raw: 90d\nsources:\n", 3, "expected a list, found nothing", "'- '"),
        ("retention:\n  raw: 90d\nsources:   # none\n\n\n", 3, "expected a list, found nothing", "'- '"),
        ("# nothing\n", 1, "the file is empty", "docs/configuration.md"),
        ("[]", 1, "found a list", "docs/configuration.md"),
        ("sources:\n", 1, "expected a list, found nothing", "'- '"),
        ("sources: []\n", 1, "no source is declared", "at least one"),
        ("tenants: [{name: a}]\n", 1, "'sources' is missing", "write sources:"),
    ],
)
def test_a_file_without_sources_is_told_so(problems: Problems, text: str, line: int, message: str, hint: str) -> None:
    problem = only(problems(text))
    assert problem.line == line
    assert message in problem.message
    assert hint in problem.hint


def test_an_unusable_configuration_is_fatal_and_prints_a_line_a_problem(
    decoders: Mapping[str, DecoderType], one_source: OneSource
) -> None:
    with pytest.raises(InvalidConfiguration) as raised:
        parse(one_source("qos: 7", "keep_alive_s: 1"), name="x.yaml", decoders=decoders)
    assert isinstance(raised.value, Fatal)
    assert str(raised.value) == (
        "x.yaml:4:8: an unknown QoS (write 0, 1 or 2)\nx.yaml:5:17: 'keep_alive_s': must be at least 5"
    )


def test_the_fingerprint_is_of_the_content(read: Read, one_source: OneSource) -> None:
    one = read(one_source("qos: 1", "username: u"))
    same = read("# a comment\n" + one_source('username: "u"', "tenant: default"))
    other = read(one_source("username: v"))
    options = read(one_source("username: u", topics="[{topic: 'sens/{device}/telemetry', decoder: json, fields: [a]}]"))
    assert one.fingerprint == same.fingerprint
    assert len({one.fingerprint, other.fingerprint, options.fingerprint}) == 3


def test_a_file_is_loaded_with_its_relative_paths(
    tmp_path: Path, decoders: Mapping[str, DecoderType], one_source: OneSource
) -> None:
    path = tmp_path / "sens.yaml"
    path.write_text(one_source("tls: {ca: certificates/ca.pem, key: /k, certificate: /c}", broker="mqtts://b"))
    tls = load(path, decoders).sources[0].tls
    assert tls is not None
    assert (tls.ca, tls.key) == (tmp_path / "certificates" / "ca.pem", Path("/k"))


def test_a_file_that_cannot_be_read_is_told_why(tmp_path: Path, decoders: Mapping[str, DecoderType]) -> None:
    missing, folder, binary, long = (tmp_path / name for name in ("missing", "folder", "binary", "long"))
    folder.mkdir()
    binary.write_bytes(b"a: 1\nb: \xff\n")
    long.write_bytes(b"#" * 2_000_000)
    for path, text in [
        (missing, "missing: cannot be read: No such file"),
        (folder, "folder: cannot be read: Is a directory"),
        (binary, "binary:2:4: not UTF-8"),
        (long, "long: more than 1048576 bytes"),
    ]:
        with pytest.raises(InvalidConfiguration, match=text):
            load(path, decoders)
        assert only(examine_file(path, decoders).problems).hint


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.integers(0, 400),
    gone=st.integers(0, 30),
    instead=st.lists(st.sampled_from([*'{}[]:,-#&*!|>"%@`?~ \n\t', "<<: ", "!!int ", "---\n", "0x", "é"]), max_size=6),
)
def test_any_text_is_either_a_configuration_or_has_problems(
    decoders: Mapping[str, DecoderType], one_source: OneSource, at: int, gone: int, instead: list[str]
) -> None:
    right = one_source("tls: {ca: x}", "limits: {max_devices: 3}", "password: {env: A}", broker="mqtts://b")
    text = right[:at] + "".join(instead) + right[at + gone :]
    examination = examine(text, name="sens.yaml", decoders=decoders)
    lines = text.count("\n") + 2
    assert (examination.configuration is None) == bool(examination.problems)
    assert all(1 <= problem.line <= lines and problem.column >= 1 for problem in examination.problems)
