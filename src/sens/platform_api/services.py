"""What the routes work with; made by `main.py`, found at the request."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Request

from sens.domain.ledger import Balance
from sens.platform_api.body import LargeBodies
from sens.platform_api.keys import Keyring
from sens.platform_api.live.hub import LiveHub
from sens.platform_api.names import SeriesNames
from sens.platform_api.passwords import Passwords
from sens.platform_api.sessions import SessionRing
from sens.platform_api.setup_token import SetupToken
from sens.platform_api.throttle import LoginThrottle
from sens.platform_api.together import Together
from sens.runtime.ops import Probes
from sens.sources.models import Configuration
from sens.storage.reads import Reader
from sens.stream.connection import StreamConnection
from sens.stream.imports import ImportLog
from sens.stream.status import StatusBoard
from sens.stream.tails import LogObserver


@dataclass(slots=True)
class Services:
    """The servers and what is shared between requests.

    Attributes:
        stopping: set when the process is to end: what streams, ends.
        source_pieces: the lines of the configuration that declare each source, by its name.
        exports: how many are under way.
        max_requests: the most that may be under way; probes are answered beyond it.
        balances: the ledger is read for all who ask meanwhile, so that many cost one reader.
        searching: held while the log is searched, which takes memory: others wait.
        replaying: held while a worker replays for this process.
    """

    database: Reader
    stream: StreamConnection
    log: LogObserver
    imports: ImportLog
    board: StatusBoard
    keyring: Keyring
    sessions: SessionRing
    names: SeriesNames
    live: LiveHub
    configuration: Configuration
    probes: Probes
    stopping: asyncio.Event
    passwords: Passwords = field(default_factory=Passwords)
    throttle: LoginThrottle = field(default_factory=LoginThrottle)
    setup_token: SetupToken = field(default_factory=SetupToken)
    large_bodies: LargeBodies = field(default_factory=LargeBodies)
    exports: int = 0
    source_pieces: Mapping[str, str] = field(default_factory=dict[str, str])
    max_requests: int = 512
    balances: Together[str, dict[str, Balance]] = field(default_factory=Together[str, dict[str, Balance]])
    searching: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    replaying: asyncio.Lock = field(default_factory=asyncio.Lock)


def services_of(request: Request) -> Services:
    """The services of the application that got the request."""
    return cast(Services, request.app.state.services)


ServicesOf = Annotated[Services, Depends(services_of)]
