"""Settings of `sens migrate`."""

from pydantic import Field, SecretStr

from sens.domain.errors import Fatal
from sens.runtime.settings import Settings, variable
from sens.storage.create_roles import Login
from sens.storage.privileges import Role
from sens.storage.roles import RoleNames


class MigrateSettings(Settings):
    """sens migrate"""

    database_owner_role: str | None = Field(
        default=None, min_length=1, description="Role that owns the schema and migrates it.", examples=["sens_owner"]
    )
    database_writer_role: str | None = Field(
        default=None,
        min_length=1,
        description="Role of the telemetry workers, which `sens migrate` grants what they need; left out: nothing.",
        examples=["sens_writer"],
    )
    database_reader_role: str | None = Field(
        default=None, min_length=1, description="The same, of the API.", examples=["sens_reader"]
    )
    database_backup_role: str | None = Field(
        default=None,
        min_length=1,
        description="The same, of whoever reads everything and changes nothing.",
        examples=["sens_backup"],
    )
    database_monitor_role: str | None = Field(
        default=None,
        min_length=1,
        description="Role of a metrics exporter, which sees the server's activity and no table.",
        examples=["sens_monitor"],
    )
    database_owner_password: SecretStr | None = Field(
        default=None, min_length=1, description="What `--create-roles` sets as the owner's password."
    )
    database_writer_password: SecretStr | None = Field(
        default=None, min_length=1, description="The same, of the writer."
    )
    database_reader_password: SecretStr | None = Field(
        default=None, min_length=1, description="The same, of the reader."
    )
    database_backup_password: SecretStr | None = Field(
        default=None, min_length=1, description="The same, of the backup's role."
    )
    database_monitor_password: SecretStr | None = Field(
        default=None, min_length=1, description="The same, of the exporter's role."
    )

    def roles(self) -> RoleNames:
        """The roles that are named."""
        names: dict[Role, str | None] = {role: getattr(self, _field(role, "role")) for role in Role}
        return {role: name for role, name in names.items() if name is not None}

    def logins(self) -> dict[Role, Login]:
        """Every role with its password.

        Raises:
            Fatal: one has no name or no password.
        """
        fields = [_field(role, part) for role in Role for part in ("role", "password")]
        missing = [variable(field) for field in fields if getattr(self, field) is None]
        if missing:
            raise Fatal(f"--create-roles makes all five roles: set {', '.join(missing)}")
        passwords: dict[Role, SecretStr] = {role: getattr(self, _field(role, "password")) for role in Role}
        return {role: Login(name, passwords[role].get_secret_value()) for role, name in self.roles().items()}


def _field(role: Role, part: str) -> str:
    return f"database_{role.value}_{part}"
