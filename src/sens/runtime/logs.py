"""Logs: JSON lines in the cluster, readable at a terminal, and no secret in either.

Modules write `log = structlog.get_logger()` and `log.info("publish_retried", source=..., error=...)`: the
event in snake case, all else as keys. Libraries that use the standard `logging` (uvicorn, nats,
alembic) come out the same way. `source=` and the like can be bound once for a task with
`structlog.contextvars.bound_contextvars`.
"""

import logging
import sys
from typing import IO, Literal

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from sens.runtime.redaction import redact

LogFormat = Literal["auto", "json", "console"]
LogLevel = Literal["debug", "info", "warning", "error"]


def set_up(component: str, instance: str, log_format: LogFormat, level: LogLevel, out: IO[str] | None = None) -> None:
    """Send all logs of this process to `out` (stderr, so that stdout stays free for a command's output).

    Args:
        component, instance: go into each line: which program, which replica of it.
        log_format: auto means console at a terminal and json elsewhere.
    """
    stream = out or sys.stderr
    console = log_format == "console" or (log_format == "auto" and stream.isatty())
    before = [_context(component, instance), *_SHARED]
    structlog.configure(
        processors=[*before, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before, processors=_console(stream) if console else _json()
        )
    )
    logging.captureWarnings(True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())


def _context(component: str, instance: str) -> Processor:
    def add(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("component", component)
        event.setdefault("instance", instance)
        return event

    return add


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Comes after exceptions were made text, so that tracebacks pass the net, too."""
    return redact(event)


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]


def _json() -> list[Processor]:
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _redact,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]


def _console(stream: IO[str]) -> list[Processor]:
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        _redact,
        structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback),
    ]
