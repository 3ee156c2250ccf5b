"""`sens migrate`."""

import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from sens.cli.migrate_settings import MigrateSettings
from sens.cli.output import print_json
from sens.domain.errors import Retry, SensError
from sens.runtime import logs
from sens.runtime.backoff import Backoff
from sens.runtime.exits import guard
from sens.runtime.settings import Settings, load
from sens.storage.connection import connect
from sens.storage.create_roles import create_roles as create
from sens.storage.errors import DatabaseAway, DatabaseBusy, DatabaseDenied
from sens.storage.migrate import check_schema, current_revision, migrate, newest_revision, oldest_revision

T = TypeVar("T")
log: structlog.stdlib.BoundLogger = structlog.get_logger()

PATIENCE_S = 600.0
"""How long a database that does not answer yet is waited for, unless the caller says: a cluster starts all at once."""


def run(*, timeout_s: float = PATIENCE_S) -> int:
    """Migrate, and wait for a database that is still starting. Returns the exit code."""
    return guard(lambda: _migrate(load(MigrateSettings), timeout_s))


def create_roles(*, timeout_s: float) -> int:
    """Make the roles and their database, as an administrator. Returns the exit code."""
    return guard(lambda: _create_roles(load(MigrateSettings), timeout_s))


def wait(*, timeout_s: float) -> int:
    """Wait until the schema is new enough for this build. Returns the exit code."""
    return guard(lambda: _wait(load(Settings), timeout_s))


def status() -> int:
    """Print the schema's revision, the oldest that works with it, and this build's. Returns the exit code."""
    return guard(lambda: _status(load(Settings)))


def before_rollback(*, timeout_s: float) -> int:
    """Refuse to go back to this build if the schema is too new for it. Returns the exit code."""
    return guard(lambda: _before_rollback(load(Settings), timeout_s))


def _status(settings: Settings) -> int:
    with connect(settings.database_url.get_secret_value(), application_name="sens migrate --status") as connection:
        revision = current_revision(connection)
        oldest = None if revision is None else oldest_revision(connection)
    print_json({"revision": revision, "oldest_revision": oldest, "this_build": newest_revision()})
    return 0


def _migrate(settings: MigrateSettings, timeout_s: float) -> int:
    _set_up_logs(settings)
    url, roles = settings.database_url.get_secret_value(), settings.roles()
    revision = _patiently(lambda: migrate(url, roles=roles), timeout_s, Retry)
    log.info("migrated", revision=revision, granted_to=list(roles.values()))
    return 0


def _create_roles(settings: MigrateSettings, timeout_s: float) -> int:
    _set_up_logs(settings)
    url, logins = settings.database_url.get_secret_value(), settings.logins()
    _patiently(lambda: create(url, logins), timeout_s, Retry)
    log.info("roles_ready", roles=[login.name for login in logins.values()])
    return 0


def _wait(settings: Settings, timeout_s: float) -> int:
    _set_up_logs(settings)
    url = settings.database_url.get_secret_value()
    # The role and what it may read are made by the migration that is waited for.
    revision = _patiently(lambda: _usable_revision(url), timeout_s, Retry, DatabaseDenied)
    log.info("schema_ready", revision=revision)
    return 0


def _before_rollback(settings: Settings, timeout_s: float) -> int:
    """A database that is away or lets nobody in may be what the rollback mends; the pods ask it again."""
    _set_up_logs(settings)
    url = settings.database_url.get_secret_value()
    try:
        revision = _patiently(lambda: _usable_revision(url), timeout_s, DatabaseAway, DatabaseBusy)
    except (Retry, DatabaseDenied) as error:
        log.warning("rollback_not_refused", reason=str(error))
    else:
        log.info("rollback_possible", revision=revision)
    return 0


def _set_up_logs(settings: Settings) -> None:
    logs.set_up("migrate", settings.instance, settings.log_format, settings.log_level)


def _usable_revision(url: str) -> str:
    with connect(url, application_name="sens migrate", autocommit=True) as connection:
        return check_schema(connection)


def _patiently(attempt: Callable[[], T], timeout_s: float, *passing: type[SensError]) -> T:
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
