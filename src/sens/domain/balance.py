"""The books of the log and of the database laid side by side: what each source received, and what is lost.

The order of reading makes it exact while everything runs: first how far the log's consumer has
acknowledged, then the database, then the log's tails. So whatever the database has is in the tails, and
whatever was acknowledged is in the database; where one of the two does not hold, something is lost.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sens.domain.ledger import Balance, MessageCounts, ReadingCounts


class LedgerKey(NamedTuple):
    """What running totals count in: one session of a source in one life of the stream."""

    source: str
    session: str
    epoch: bytes


class Tail(NamedTuple):
    """The last envelope of a subject: its running total of messages, and its stream sequence."""

    key: LedgerKey
    total: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Account:
    """What the database knows of a key.

    Attributes:
        messages, readings: what became of them.
        highest_total: the highest running total that was ever seen: in an envelope that was stored, or
            by the leader in the log.
        acknowledged_total: the running total of the last stored envelope up to the acknowledged
            sequence; 0 if there is none.
        acknowledged_settled: how many messages the envelopes up to that sequence make up.
    """

    messages: MessageCounts
    readings: ReadingCounts
    highest_total: int
    acknowledged_total: int
    acknowledged_settled: int


@dataclass(frozen=True, slots=True)
class Books:
    """All accounts, from one snapshot of the database.

    Attributes:
        accounts: by key.
        acknowledged: the stream sequence up to which the consumer had acknowledged everything before
            the database was read; None: unknown, then what the database lost shows as pending.
    """

    accounts: Mapping[LedgerKey, Account]
    acknowledged: int | None


_NOTHING = Account(MessageCounts(), ReadingCounts(), 0, 0, 0)


def balances(books: Books, tails: Iterable[Tail]) -> dict[str, Balance]:
    """Source → balance, of all sources that either side knows.

    `received` is the highest that either side ever knew, so a loss on one side does not lower it.

    Args:
        books: read before the tails.
        tails: the last envelope of every subject in the log.
    """
    current = {(tail.key.source, tail.key.session): tail for tail in tails}
    keys = set(books.accounts) | {tail.key for tail in current.values()}
    result: dict[str, Balance] = {}
    for key in sorted(keys):
        account = books.accounts.get(key, _NOTHING)
        tail = current.get((key.source, key.session))
        if tail is not None and tail.key == key:
            lost = _lost_of_current(account, tail, books.acknowledged)
            received = max(tail.total, account.highest_total, account.messages.settled)
        else:
            lost = _lost_of_former(account, tail, books)
            received = max(account.highest_total, account.messages.settled)
        balance = Balance(received, account.messages, account.readings, lost)
        result[key.source] = result[key.source] + balance if key.source in result else balance
    return result


def _lost_of_current(account: Account, tail: Tail, acknowledged: int | None) -> int:
    """Messages that the log had and has no more, and messages that it has but will not deliver again."""
    gone_from_log = max(account.highest_total, account.messages.settled) - tail.total
    gone_from_database = 0
    if acknowledged is not None and tail.sequence <= acknowledged:
        gone_from_database = tail.total - account.messages.settled
    elif acknowledged is not None:
        gone_from_database = account.acknowledged_total - account.acknowledged_settled
    return max(gone_from_log, 0) + max(gone_from_database, 0)


def _lost_of_former(account: Account, tail: Tail | None, books: Books) -> int:
    """Messages of a life of the stream that is over, or of a subject that is gone, and were not stored.

    After the stream was restored, envelopes of its former life may still wait in it: they do until
    an envelope of the present life behind them on the subject is acknowledged.
    """
    if tail is not None and books.acknowledged is not None and tail.sequence > books.acknowledged:
        present = books.accounts.get(tail.key, _NOTHING)
        if present.acknowledged_total == 0:
            return 0
    return max(account.highest_total - account.messages.settled, 0)
