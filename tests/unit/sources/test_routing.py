"""Each topic goes to exactly one rule, to none, or is refused; names from topics can always be stored."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sens.domain.columns import Rejection
from sens.domain.reasons import IgnoreReason, Reason
from sens.sources import Configuration, Ignored, Route, Router

Read = Callable[[str], Configuration]
OneSource = Callable[..., str]

TOPICS = """
  - {topic: 'sens/{device}/telemetry', decoder: json}
  - {topic: sens/lab/telemetry, ignore: true}
  - {topic: 'plain/{device}/{metric...}', decoder: plain, unit: Cel}
  - {topic: gateway, decoder: json, device: {field: id}}
  - {topic: boiler, decoder: plain, device_name: boiler-1, metric_name: pressure}
  - {topic: 'rates/{metric}/of/{device}', decoder: plain}
"""


@pytest.fixture
def router(read: Read, one_source: OneSource, decoders: Mapping[str, Any]) -> Router:
    return Router(read(one_source(topics=TOPICS)).sources[0], decoders)


@pytest.mark.parametrize(
    ("topic", "rule_index", "device", "metric"),
    [
        (b"sens/d1/telemetry", 0, "d1", ""),
        ("sens/gerät 1/telemetry".encode(), 0, "gerät 1", ""),
        (b"plain/d1/temperature", 2, "d1", "temperature"),
        (b"plain/d1/room/temperature", 2, "d1", "room/temperature"),
        (b"gateway", 3, None, ""),
        (b"boiler", 4, "boiler-1", "pressure"),
        (b"rates/t/of/d", 5, "d", "t"),
    ],
)
def test_a_topic_gives_rule_device_and_metric(
    router: Router, topic: bytes, rule_index: int, device: str | None, metric: str
) -> None:
    route = router.route(topic)
    assert isinstance(route, Route)
    assert (route.rule_index, route.device, route.metric) == (rule_index, device, metric)
    assert route.rule.decoder in ("json", "plain")


def test_an_ignored_topic_goes_before_one_that_is_read(router: Router) -> None:
    assert router.route(b"sens/lab/telemetry") == Ignored(1, IgnoreReason.DECLARED)


@pytest.mark.parametrize(
    ("topic", "reason", "detail"),
    [
        (b"sens/d1", Reason.NO_ROUTE, "'sens/d1'"),
        (b"", Reason.NO_ROUTE, "''"),
        (b"$SYS/of/x", Reason.NO_ROUTE, "'$SYS/of/x'"),
        (b"sens/\xff/telemetry", Reason.INVALID_TOPIC, "not UTF-8 at byte 5"),
        (b"sens//telemetry", Reason.INVALID_TOPIC, "the device '' is empty"),
        (b"sens/ /telemetry", Reason.INVALID_TOPIC, "is empty"),
        (b"plain/d1", Reason.INVALID_TOPIC, "the metric '' is empty"),
        (b"sens/a\x07b/telemetry", Reason.INVALID_TOPIC, "'a\\x07b' holds a control character"),
        (b"sens/a\0/telemetry", Reason.INVALID_TOPIC, "holds a control character"),
        (b"sens/" + b"d" * 256 + b"/telemetry", Reason.INVALID_TOPIC, "longer than 255 characters"),
    ],
)
def test_a_topic_that_cannot_be_read_is_rejected(router: Router, topic: bytes, reason: Reason, detail: str) -> None:
    rejection = router.route(topic)
    assert isinstance(rejection, Rejection)
    assert rejection.reason == reason
    assert detail in rejection.detail


def test_a_name_of_255_characters_is_not_too_long(router: Router) -> None:
    assert isinstance(router.route(b"sens/" + b"d" * 255 + b"/telemetry"), Route)


def test_decoders_are_built_once_with_their_options(
    read: Read, one_source: OneSource, decoders: Mapping[str, Any]
) -> None:
    router = Router(read(one_source(topics=TOPICS)).sources[0], decoders)
    plain: Any = router.decoder_for(2)
    assert plain.options.unit == "Cel"
    assert router.decoder_for(2) is plain
    assert router.decoder_for(4) is not plain
    assert (decoders["json"].built, decoders["plain"].built) == (2, 3)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    topic=st.one_of(
        st.binary(max_size=300),
        st.lists(
            st.sampled_from([b"sens", b"plain", b"telemetry", b"rates", b"of", b"", b"x", b"\xff", b"\0"]), max_size=6
        ).map(b"/".join),
    )
)
def test_any_bytes_are_routed_ignored_or_rejected(router: Router, topic: bytes) -> None:
    answer = router.route(topic)
    if isinstance(answer, Rejection):
        assert answer.reason in (Reason.NO_ROUTE, Reason.INVALID_TOPIC)
        assert answer.detail.removesuffix("…").isascii()
        assert len(answer.detail) < 1000
    elif isinstance(answer, Route):
        assert answer.device is None or answer.device.encode() in topic or answer.device == "boiler-1"
        assert all(ord(character) >= 32 for character in (answer.device or "") + answer.metric)
