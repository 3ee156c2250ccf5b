"""Every endpoint of the API: who may ask it, and what is there for somebody of another tenant.

The tests walk this table, and fail for an endpoint that has no row.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

Needs = Literal["nothing", "session", "read", "operate", "admin", "platform"]
"""nothing: no key and no session. session: any user. platform: an admin of all tenants."""
Foreign = Literal["absent", "empty", "own", "refused"]
"""For an admin of another tenant: 404; an answer that tells nothing of it; no tenant's object is asked for; 403."""
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Endpoint:
    """A row. The path and the query are filled with the ids of what `of_home` has made; `query` and `body` make a
    valid request."""

    method: str
    path: str
    needs: Needs
    foreign: Foreign
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


ENDPOINTS = [
    Endpoint("GET", "/healthz", "nothing", "own"),
    Endpoint("GET", "/readyz", "nothing", "own"),
    Endpoint("GET", "/version", "nothing", "own"),
    Endpoint("GET", "/overview", "read", "empty"),
    Endpoint("GET", "/devices", "read", "empty"),
    Endpoint("GET", "/devices/{device_id}", "read", "absent"),
    Endpoint("GET", "/devices/{device_id}/messages", "read", "absent"),
    Endpoint("PATCH", "/devices/{device_id}", "operate", "absent", body={"label": "Boiler"}),
    Endpoint("GET", "/series", "read", "empty"),
    Endpoint("GET", "/series/{series_id}", "read", "absent"),
    Endpoint("PATCH", "/series/{series_id}", "operate", "absent", body={"display_name": "Flow"}),
    Endpoint("GET", "/series/{series_id}/readings", "read", "absent", query={"from": "2026-01-05T00:00:00Z"}),
    Endpoint("GET", "/readings", "read", "absent", query={"series": "{series_id}", "from": "2026-01-05T00:00:00Z"}),
    Endpoint("GET", "/readings/export", "read", "absent", query={"id": "{series_id}", "from": "2026-01-05T00:00:00Z"}),
    Endpoint("GET", "/latest", "read", "empty"),
    Endpoint("GET", "/live", "read", "absent", query={"source": "plant-a"}),
    Endpoint("GET", "/sources", "read", "empty"),
    Endpoint("GET", "/sources/{source}", "read", "absent"),
    Endpoint("GET", "/ledger", "read", "empty"),
    Endpoint("GET", "/quarantine", "read", "empty"),
    Endpoint("GET", "/quarantine/summary", "read", "empty"),
    Endpoint("GET", "/quarantine/overflow", "read", "empty"),
    Endpoint("POST", "/quarantine/discard", "operate", "absent", body={"source": "plant-a"}),
    Endpoint("POST", "/quarantine/replay", "operate", "absent", body={"source": "plant-a"}),
    Endpoint("GET", "/quarantine/{quarantine_id}", "read", "absent"),
    Endpoint("POST", "/quarantine/{quarantine_id}/try", "read", "absent", body={}),
    Endpoint("POST", "/quarantine/{quarantine_id}/discard", "operate", "absent"),
    Endpoint("POST", "/quarantine/{quarantine_id}/replay", "operate", "absent"),
    Endpoint("POST", "/replay", "operate", "absent", body={"from": "now-1h", "source": "plant-a"}),
    Endpoint("GET", "/imports/{source}/{import_id}", "operate", "absent"),
    Endpoint(
        "POST",
        "/imports/{source}/{import_id}",
        "operate",
        "absent",
        body={
            "before": 0,
            "readings": [{"source": "plant-a", "device": "boiler", "metric": "m0", "time": 1, "value": 2}],
        },
    ),
    Endpoint("POST", "/imports/{source}/{import_id}/finish", "operate", "absent", body={"readings": 0}),
    Endpoint("POST", "/session", "nothing", "own", body={"username": "nobody", "password": "wrong"}),
    Endpoint("GET", "/session", "session", "own"),
    Endpoint("DELETE", "/session", "session", "own"),
    Endpoint("POST", "/session/password", "session", "own", body={"new_password": PASSWORD}),
    Endpoint("POST", "/setup", "nothing", "own", body={"token": "x", "username": "ann", "password": PASSWORD}),
    Endpoint("POST", "/login-links", "platform", "refused", body={"username": "victim"}),
    Endpoint("GET", "/users", "admin", "empty"),
    Endpoint("POST", "/users", "admin", "own", body={"name": "new", "role": "viewer"}),
    Endpoint("PATCH", "/users/{user_id}", "admin", "absent", body={"role": "operator"}),
    Endpoint("DELETE", "/users/{user_id}", "admin", "absent"),
    Endpoint("GET", "/api-keys", "admin", "empty"),
    Endpoint("POST", "/api-keys", "admin", "own", body={"name": "new", "scope": "read"}),
    Endpoint("DELETE", "/api-keys/{key_id}", "admin", "absent"),
    Endpoint("GET", "/audit", "admin", "empty"),
]
