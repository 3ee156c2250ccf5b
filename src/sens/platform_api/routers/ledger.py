"""The ledger: what became of every message that was received."""

from fastapi import APIRouter
from pydantic import Field

from sens.domain.balance import balances
from sens.domain.ledger import Balance, MessageCounts, ReadingCounts
from sens.platform_api.access import READ
from sens.platform_api.caller import CallerOf
from sens.platform_api.models import Model
from sens.platform_api.services import Services, ServicesOf
from sens.platform_api.tenancy import visible_sources
from sens.storage.ledger import fetch_books

router = APIRouter(prefix="/api/v1/ledger", tags=["ledger"], dependencies=[READ])


class ReadingLedger(Model):
    """What became of decoded readings: decoded = stored + duplicate + conflict."""

    decoded: int = Field(examples=[3000])
    stored: int = Field(examples=[2990])
    duplicate: int = Field(description="The same value was stored already.", examples=[10])
    conflict: int = Field(description="Another value is stored at that instant; kept in quarantine.", examples=[0])


class LedgerEntry(Model):
    """What became of messages: received = decoded + ignored + quarantined + pending + lost."""

    received: int = Field(description="By the log's running totals.", examples=[1000])
    decoded: int = Field(examples=[990])
    ignored: int = Field(description="By a declared rule.", examples=[5])
    quarantined: int = Field(examples=[5])
    pending: int = Field(description="In the log and not in the database yet.", examples=[0])
    lost: int = Field(description="A store once had them and has them no more.", examples=[0])
    readings: ReadingLedger
    balanced: bool = Field(description="Everything adds up, and nothing is lost.", examples=[True])


class SourceLedger(LedgerEntry):
    """The ledger of one source."""

    source: str = Field(examples=["plant-a"])


class Ledger(Model):
    """The ledger by source and in total."""

    sources: list[SourceLedger]
    total: LedgerEntry


@router.get("")
async def get_ledger(services: ServicesOf, caller: CallerOf) -> Ledger:
    """What became of every message: exact at any moment, also while everything runs."""
    found = await _balances(services)
    if caller.tenant_id is not None:
        visible = await visible_sources(services, caller)
        found = {name: balance for name, balance in found.items() if name in visible}
    total = sum(found.values(), Balance(0, MessageCounts(), ReadingCounts()))
    return Ledger(
        sources=[
            SourceLedger.model_validate({"source": name, **_entry(balance)}) for name, balance in sorted(found.items())
        ],
        total=LedgerEntry.model_validate(_entry(total)),
    )


async def _balances(services: Services) -> dict[str, Balance]:
    return await services.balances.ask("all", lambda: _audit(services))


async def _audit(services: Services) -> dict[str, Balance]:
    """The order of reading is what makes it exact: see `sens.domain.balance`."""
    acknowledged = await services.log.acknowledged()
    async with services.database.connection() as connection:
        books = await fetch_books(connection, acknowledged)
    return balances(books, await services.log.tails())


def _entry(balance: Balance) -> dict[str, object]:
    messages, readings = balance.messages, balance.readings
    return {
        "received": balance.received,
        "decoded": messages.decoded,
        "ignored": messages.ignored,
        "quarantined": messages.quarantined,
        "pending": balance.pending,
        "lost": balance.lost,
        "readings": readings,
        "balanced": balance.balanced,
    }
