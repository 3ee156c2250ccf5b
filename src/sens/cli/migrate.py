"""`sens migrate`."""

import time
from collections.abc import Callable

import structlog

from sens.domain.errors import Retry, SensError
from sens.runtime import logs
from sens.runtime.backoff import Backoff
from sens.runtime.exits import guard
from sens.runtime.settings import Settings, load
from sens.storage.connection import connect
from sens.storage.errors import DatabaseDenied
from sens.storage.migrate import check_schema, migrate

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PATIENCE_S = 60.0
"""How long a database that does not answer yet is waited for, unless the caller says."""


def run(*, timeout_s: float = PATIENCE_S) -> int:
    """Migrate, and wait for a database that is still starting. Returns the exit code."""
    return guard(lambda: _migrate(load(Settings), timeout_s))


def wait(*, timeout_s: float) -> int:
    """Wait until the schema is new enough for this build. Returns the exit code."""
    return guard(lambda: _wait(load(Settings), timeout_s))


def _migrate(settings: Settings, timeout_s: float) -> int:
    _set_up_logs(settings)
    url = settings.database_url.get_secret_value()
    revision = _patiently(lambda: migrate(url), timeout_s, Retry)
    log.info("migrated", revision=revision)
    return 0


def _wait(settings: Settings, timeout_s: float) -> int:
    _set_up_logs(settings)
    url = settings.database_url.get_secret_value()
    # The role and what it may read are made by the migration that is waited for.
    revision = _patiently(lambda: _usable_revision(url), timeout_s, Retry, DatabaseDenied)
    log.info("schema_ready", revision=revision)
    return 0


def _set_up_logs(settings: Settings) -> None:
    logs.set_up("migrate", settings.instance, settings.log_format, settings.log_level)


def _usable_revision(url: str) -> str:
    with connect(url, application_name="sens migrate --wait", autocommit=True) as connection:
        return check_schema(connection)


def _patiently(attempt: Callable[[], str], timeout_s: float, *passing: type[SensError]) -> str:
    """What `attempt` returns, tried again while it raises one of `passing`; says why when that changes."""
    give_up_at = time.monotonic() + timeout_s
    told = ""
    for delay_s in Backoff(cap_s=2.0):
        try:
            return attempt()
        except passing as error:
            if time.monotonic() > give_up_at:
                raise
            if str(error) != told:
                told = str(error)
                log.warning("waiting", reason=told)
            time.sleep(delay_s)
    raise AssertionError("delays never end")
