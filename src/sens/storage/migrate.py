"""`sens migrate`: bring the schema to what this build needs; and the check that others make before work.

Revisions are numbered and linear ("0001", "0002"), so they compare as text. A build works with any
schema that is at least its own newest revision, as long as the schema's `oldest_revision` lets it.
"""

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import psycopg

from sens.domain.errors import Retry
from sens.storage.connection import Connection, connect
from sens.storage.errors import SchemaMismatch, translate, translated
from sens.storage.kinds import offer_timescale
from sens.storage.locks import MIGRATION_LOCK
from sens.storage.queries import load
from sens.storage.roles import RoleNames, check_roles, grant

if TYPE_CHECKING:
    from alembic.config import Config

# How long a second migrator waits for the first.
WAIT_FOR_OTHERS_S = 900.0
_APPLICATION = "sens migrate"
_MIGRATIONS = Path(__file__).parent / "migrations"
_NO_ROLES: RoleNames = MappingProxyType({})
_SQL = load("migrate")


class SchemaBehind(Retry):
    """The schema is older than this build needs: a migration may be under way, or must be run."""


def newest_revision() -> str:
    """The revision that this build needs at least."""
    # By the files' names: importing Alembic takes longer than all else that a process starts with.
    return max(path.name[:4] for path in _MIGRATIONS.joinpath("versions").iterdir() if path.name.endswith(".sql"))


def current_revision(connection: Connection) -> str | None:
    """The schema's revision, None in an empty database."""
    with translated():
        row = connection.execute(_SQL["has_revision"]).fetchone()
        if row is None or row[0] is not True:
            return None
        row = connection.execute(_SQL["current_revision"]).fetchone()
    return None if row is None else str(row[0])


def oldest_revision(connection: Connection) -> str | None:
    """The revision that a build must know at least to work with the schema. Asked where there is a schema."""
    with translated():
        row = connection.execute(_SQL["oldest_revision"]).fetchone()
    return None if row is None else str(row[0])


def check_schema(connection: Connection) -> str:
    """The schema's revision, if this build can work with it.

    Raises:
        SchemaBehind: too old; run `sens migrate`, or wait for the one that runs.
        SchemaMismatch: so new that this build cannot work with it.
    """
    have, need = current_revision(connection), newest_revision()
    if have is None or have < need:
        found = "no schema" if have is None else f"schema revision {have}"
        raise SchemaBehind(f"the database has {found}, this build needs {need}: run `sens migrate`")
    oldest = oldest_revision(connection)
    if oldest is None or need < oldest:
        raise SchemaMismatch(f"schema revision {have} needs a build that knows {oldest}, this one knows {need}: update")
    return have


def migrate(url: str, revision: str | None = None, *, roles: RoleNames = _NO_ROLES) -> str:
    """Bring the schema to this build's newest revision, or to `revision`; a newer compatible one is left alone.

    Safe to run twice and at the same time: others wait up to `WAIT_FOR_OTHERS_S` seconds.

    Args:
        roles: get what they need, in the transaction that migrates, or alone where nothing is to be migrated.

    Returns:
        The schema's revision afterwards.

    Raises:
        DatabaseAway, DatabaseBusy: try again; nothing is half done.
        SchemaMismatch: the schema is so new that this build cannot work with it.
        DatabaseDenied: the server is too old, the role may not create tables, or one of `roles` does not exist.
    """
    with (
        translated(),
        connect(
            url,
            application_name=_APPLICATION,
            autocommit=True,
            statement_timeout_s=WAIT_FOR_OTHERS_S,
            lock_timeout_s=0,
        ) as holder,
    ):
        holder.execute(_SQL["take_migration_lock"], (MIGRATION_LOCK,))
        check_roles(holder, roles)
        have, want = current_revision(holder), revision or newest_revision()
        if have is not None and have >= want:
            have = have if revision else check_schema(holder)
            with holder.transaction():
                grant(holder, roles, narrow=have == newest_revision())
            return have
        if have is None:
            with connect(url, application_name=_APPLICATION, autocommit=True) as first:
                offer_timescale(first)
        _upgrade(url, want, roles)
        return want


def _upgrade(url: str, revision: str, roles: RoleNames) -> None:
    from alembic import command
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import NullPool

    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: connect(url, application_name=_APPLICATION), poolclass=NullPool
    )
    try:
        with engine.begin() as connection:
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, revision)
            grant(cast("Connection", connection.connection.driver_connection), roles)
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise translate(error.orig) from error
        raise


def alembic_config() -> "Config":
    """Where Alembic finds the revisions."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
