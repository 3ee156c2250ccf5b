"""Settings of the API."""

from pathlib import Path

from pydantic import Field

from sens.runtime.settings import Port, Seconds, Settings


class ApiSettings(Settings):
    """platform-api"""

    api_host: str = Field(default="127.0.0.1", description="Address of the public port; 0.0.0.0 for all.")
    api_port: Port = Field(default=8080, description="Its TCP port; 0 takes a free one and logs it.")
    admin_api_key_file: Path | None = Field(
        default=None,
        description="File with an API key (`sens_` and at least 32 of a-z, A-Z, 0-9, _ and -). At start it is kept, "
        "hashed, as the key named `admin` with scope `admin`, in place of the one before.",
        examples=["/run/secrets/admin-api-key"],
    )
    api_pool_size: int = Field(default=8, ge=1, le=100, description="Most connections to PostgreSQL.")
    api_statement_timeout_s: Seconds = Field(
        default=10.0, le=60, description="Longest time for a query; a longer one is answered with 503."
    )
    api_max_connections: int = Field(
        default=512,
        ge=8,
        le=65_535,
        description="Most open connections of clients, and most requests under way. Beyond it "
        "connections that wait for a request are closed, and further requests get 503, other than probes.",
    )
    api_max_live_streams: int = Field(
        default=100, ge=0, le=10_000, description="Most live streams at once; further ones get 429."
    )
