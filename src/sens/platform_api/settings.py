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
    setup_token_file: Path | None = Field(
        default=None,
        description="File with a token (20 random characters or more) that lets whoever has it make the first admin, "
        "while there is none.",
        examples=["/run/secrets/setup-token"],
    )
    session_idle_s: Seconds = Field(
        default=259_200.0, description="A session of the console ends after so long without use."
    )
    session_max_s: Seconds = Field(default=2_592_000.0, description="And after so long in any case.")
    session_cookie_secure: bool = Field(
        default=False,
        description="Give the session's cookie for https only, always. Where it is false that is done when the "
        "request came by https, also to a proxy in front that says so with X-Forwarded-Proto.",
    )
    api_trusted_proxies: str = Field(
        default="127.0.0.1",
        description="Addresses or networks of proxies, separated by commas, that are believed when they tell a "
        "client's address with X-Forwarded-For: logins are throttled by it.",
        examples=["10.0.0.0/8"],
    )
    console_dir: Path | None = Field(
        default=None,
        description="Folder with the built web console (`web-console/dist`), served at `/`; left out: no console.",
        examples=["/usr/share/sens/console"],
    )
    api_pool_size: int = Field(default=8, ge=1, le=100, description="Most connections to PostgreSQL.")
    api_statement_timeout_s: Seconds = Field(
        default=10.0, le=60, description="Longest time for a query; a longer one is answered with 503."
    )
    api_max_connections: int = Field(
        default=2048,
        ge=8,
        le=65_535,
        description="Most open connections of clients, and most requests under way. Beyond it "
        "connections that wait for a request are closed, and further requests get 503, other than probes.",
    )
    api_max_live_streams: int = Field(
        default=1000,
        ge=0,
        le=10_000,
        description="Most live streams at once; further ones get 429. Each is a connection and a request under way, "
        "so `SENS_API_MAX_CONNECTIONS` has to be higher.",
    )
