import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from sens.runtime import logs


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


def lines(out: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.fixture
def out() -> io.StringIO:
    out = io.StringIO()
    logs.set_up("telemetry-worker", "tw-0", "json", "info", out)
    return out


def test_each_line_is_json_with_time_level_component_and_instance(out: io.StringIO) -> None:
    structlog.get_logger().info("batch_stored", source="plant-a", readings=3)
    [line] = lines(out)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "batch_stored", "level": "info", "source": "plant-a", "readings": 3,
        "component": "telemetry-worker", "instance": "tw-0", "logger": __name__,
    }  # fmt: skip


def test_a_library_s_logs_come_out_the_same_way(out: io.StringIO) -> None:
    logging.getLogger("uvicorn.error").warning("lost %s", "nats://u:hunter2@h")
    [line] = lines(out)
    assert (line["event"], line["level"], line["logger"]) == ("lost nats://u:***@h", "warning", "uvicorn.error")
    assert line["component"] == "telemetry-worker"


def test_context_bound_for_a_task_is_in_each_line(out: io.StringIO) -> None:
    with structlog.contextvars.bound_contextvars(source="plant-a"):
        structlog.get_logger().info("one")
        logging.getLogger("nats").info("two")
    assert [line["source"] for line in lines(out)] == ["plant-a", "plant-a"]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_secret_is_logged_in_event_key_or_traceback(form: logs.LogFormat) -> None:
    out = io.StringIO()
    logs.set_up("c", "i", form, "info", out)
    log = structlog.get_logger()
    try:
        raise ValueError("no route to postgresql://sens:hunter2@db/sens")
    except ValueError:
        log.exception("failed at nats://x:hunter2@h", token="hunter2", settings={"db": {"password": "hunter2"}})
        logging.getLogger("alembic").exception("failed")
    assert "hunter2" not in out.getvalue()
    assert out.getvalue().count("ValueError: no route to postgresql://sens:***@db/sens") == 2
    assert out.getvalue().count("Traceback") == 2


def test_levels_below_the_chosen_one_are_left_out(out: io.StringIO) -> None:
    structlog.get_logger().debug("quiet")
    logging.getLogger("nats").debug("quiet")
    assert out.getvalue() == ""


def test_auto_is_readable_at_a_terminal_and_json_elsewhere() -> None:
    terminal, pipe = Terminal(), io.StringIO()
    logs.set_up("c", "i", "auto", "info", terminal)
    structlog.get_logger().info("hello")
    logs.set_up("c", "i", "auto", "info", pipe)
    structlog.get_logger().info("hello")
    assert "hello" in terminal.getvalue()
    assert not terminal.getvalue().startswith("{")
    assert lines(pipe)[0]["event"] == "hello"


def test_what_json_cannot_hold_is_logged_as_text(out: io.StringIO) -> None:
    structlog.get_logger().info("odd", value=object(), items={1, 2}, data=b"\xff")
    assert "object" in lines(out)[0]["value"]
