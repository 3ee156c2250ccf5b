import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from sens.runtime.redaction import HIDDEN, redact, redact_text


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://sens:hunter2@db:5432/sens",
        "cannot reach nats://sens:hunter2@nats:4222: refused",
        "nats://a:hunter2@one:4222,nats://b:hunter2@two:4222",
        "nats://hunter2@nats:4222",
        "mqtts://u:p/hunter2@x@broker:8883",
        "host=db password=hunter2 dbname=sens",
        "host=db password='hunter2 with spaces' dbname=sens",
        "GET /x?api_key=hunter2&b=1",
        "postgresql://db/sens?password=hunter2",
        "Authorization: Bearer hunter2hunter2",
        "authorization=Basic hunter2",
        "sent bearer hunter2hunter2",
        '{"api-key":"hunter2"}',
        "{'client_secret': 'hunter2'}",
        "password: hunter2",
        "SENS_NATS_TOKEN=hunter2",
    ],
)
def test_no_secret_in_a_text_is_shown(text: str) -> None:
    assert "hunter2" not in redact_text(text)
    assert HIDDEN in redact_text(text)


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://postgres@127.0.0.1:5432/sens",
        "http://127.0.0.1:8080/api/v1/devices?limit=5",
        "unexpected token: }",
        "device plant-a/7 sent 3 readings",
        "12:30:01 mail to someone@example.org",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    "key", ["password", "PASSWORD", "mqtt_password", "token", "client_secret", "api_key", "api-key", "Authorization"]
)
def test_a_value_under_a_secret_key_is_hidden(key: str) -> None:
    assert redact({"outer": [{key: "hunter2", "n": 3}]}) == {"outer": [{key: HIDDEN, "n": 3}]}


def test_a_missing_secret_is_told_from_a_hidden_one() -> None:
    assert redact({"password": None}) == {"password": None}


def test_objects_errors_and_bytes_are_searched_too() -> None:
    url = "nats://u:hunter2@h"
    values = redact({"a": ValueError(url), "b": url.encode(), "c": SecretStr("hunter2"), "d": (url,), "e": {url}})
    assert "hunter2" not in str(values)


@given(st.from_regex(r"[!-~]{1,30}", fullmatch=True).filter(lambda s: not set(s) & set("\"'<>")))
def test_no_password_of_a_url_is_shown_whatever_it_holds(password: str) -> None:
    shown = redact_text(f"connect to amqp://user:{password}@host failed")
    assert shown == f"connect to amqp://user:{HIDDEN}@host failed"


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=9)
)
def test_redaction_never_fails(value: object) -> None:
    assert (redact(value) is None) == (value is None)
