"""`sens migrate`."""

import time

import structlog

from sens.domain.errors import Retry
from sens.runtime import logs
from sens.runtime.backoff import Backoff
from sens.runtime.exits import guard
from sens.runtime.settings import Settings, load
from sens.storage.migrate import migrate

log: structlog.stdlib.BoundLogger = structlog.get_logger()

PATIENCE_S = 60.0
"""How long a database that does not answer yet is waited for."""


def run() -> int:
    """Migrate, and wait for a database that is still starting. Returns the exit code."""
    return guard(lambda: _migrate(load(Settings)))


def _migrate(settings: Settings) -> int:
    logs.set_up("migrate", settings.instance, settings.log_format, settings.log_level)
    give_up_at = time.monotonic() + PATIENCE_S
    for delay_s in Backoff(cap_s=2.0):
        try:
            revision = migrate(settings.database_url.get_secret_value())
            log.info("migrated", revision=revision)
            return 0
        except Retry as error:
            if time.monotonic() > give_up_at:
                raise
            log.warning("database_away", error=str(error))
            time.sleep(delay_s)
    raise AssertionError("delays never end")
