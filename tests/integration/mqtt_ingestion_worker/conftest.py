"""Workers on the servers that tests share."""

from collections.abc import AsyncIterator

import pytest

from integration.mqtt_ingestion_worker.running import Line, line_on
from servers import Nats


@pytest.fixture
async def line(nats_server: Nats) -> AsyncIterator[Line]:
    async with line_on(nats_server) as made:
        yield made
