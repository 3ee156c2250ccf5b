"""A store that is restored to an older copy: what it no longer has shows as lost, for as long as it is, and all
that comes afterwards is stored once."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from servers import wait_until
from system.harness import Line, Stack
from system.verify import assert_exactly_once, settle, stored_numbers

AUDITED_S = 40.0
MESSAGES = 3000
SEEN = "SELECT coalesce(sum(total), 0)::bigint FROM ledger_tail"


def restore(copy: Path, folder: Path) -> None:
    """Put the copy in the folder's place."""
    shutil.rmtree(folder)
    shutil.copytree(copy, folder, symlinks=True)


def send_and_pause(line: Line, messages: int = MESSAGES) -> int:
    """How many messages more the broker has acknowledged to the sender: so many, and some that were on their way."""
    before = len(line.sender.acked)
    line.sender.resume()
    wait_for_messages(line, before + messages)
    line.sender.pause()
    return len(line.sender.acked) - before


def wait_for_messages(line: Line, messages: int) -> None:
    wait_until(lambda: len(line.sender.acked) >= messages, what="the sender's messages")


def totals(stack: Stack) -> dict[str, Any]:
    return stack.ledger()["total"]


def wait_for_lost(stack: Stack, lost: int) -> None:
    wait_until(lambda: totals(stack)["lost"] == lost, AUDITED_S, f"lost = {lost}")
    assert totals(stack)["balanced"] is (lost == 0)


def test_a_database_restored_to_an_older_copy_shows_what_is_lost_and_a_replay_brings_it_back(line: Line) -> None:
    line.stack.expected_errors = {"messages_lost"}
    postgres, copy = line.stack.postgres, line.stack.folder / "copy"
    wait_for_messages(line, MESSAGES)
    assert_exactly_once(line.stack, line.sender)
    postgres.stop()
    shutil.copytree(postgres.data, copy, symlinks=True)
    postgres.start()
    lost = send_and_pause(line)
    assert_exactly_once(line.stack, line.sender)
    line.stack.wait_for_drain()

    postgres.stop()
    restore(copy, postgres.data)
    postgres.start()

    wait_for_lost(line.stack, lost)
    send_and_pause(line)
    line.stack.wait_for_drain()
    wait_for_lost(line.stack, lost)
    replayed = line.stack.post("/api/v1/replay", {"from": "now-1h", "to": "now"})
    assert (replayed["stored"], replayed["conflict"]) == (2 * lost, 0), replayed
    wait_for_lost(line.stack, 0)
    assert_exactly_once(line.stack, line.sender)


@pytest.mark.parametrize("looked_at", ["before more came", "after more came than is lost"])
def test_a_log_restored_to_an_older_copy_shows_what_is_lost(line: Line, looked_at: str) -> None:
    """The database is kept from storing while messages come, the log dies, and comes back as it was before them."""
    line.stack.expected_errors = {"messages_lost", "log_went_back"}
    wait_for_messages(line, MESSAGES)
    assert_exactly_once(line.stack, line.sender)
    kept = len(line.sender.acked)
    lost = lose_from_the_log(line, kept)

    if looked_at == "before more came":
        line.telemetry.start()
        wait_for_lost(line.stack, lost)
        later = send_and_pause(line)
    else:
        later = send_and_pause(line, 2 * lost)
        line.telemetry.start()
    settle(line.stack, line.sender)
    wait_until(lambda: len(stored_numbers(line.stack, "line")) == kept + later, what="all that came later")
    stored = stored_numbers(line.stack, "line")
    assert set(stored.values()) == {1}
    wait_for_lost(line.stack, lost)


def test_what_only_the_ingestion_worker_knew_of_shows_as_lost_when_the_log_is_restored(line: Line) -> None:
    """No telemetry worker saw what came, in the log or in the database; the worker that wrote it lives."""
    line.stack.expected_errors = {"messages_lost", "log_went_back"}
    wait_for_messages(line, MESSAGES)
    assert_exactly_once(line.stack, line.sender)
    kept = len(line.sender.acked)
    nats, copy = line.stack.nats, line.stack.folder / "copy"
    nats.stop()
    shutil.copytree(nats.folder / "jetstream", copy)
    nats.start()
    line.telemetry.kill()
    lost = send_and_pause(line)
    nats.kill()
    restore(copy, nats.folder / "jetstream")
    nats.start()
    line.telemetry.start()
    later = send_and_pause(line)
    settle(line.stack, line.sender)
    wait_until(lambda: len(stored_numbers(line.stack, "line")) == kept + later, what="all that came later")
    wait_for_lost(line.stack, lost)


def lose_from_the_log(line: Line, kept: int) -> int:
    """How many messages came that neither side has any more. The telemetry worker is away afterwards."""
    nats, copy = line.stack.nats, line.stack.folder / "copy"
    nats.stop()
    shutil.copytree(nats.folder / "jetstream", copy)
    nats.start()
    with line.stack.database() as database, database.transaction():
        database.execute("LOCK TABLE ledger IN EXCLUSIVE MODE")
        lost = send_and_pause(line)

        def leader_saw_them() -> bool:
            with line.stack.database() as other:
                row = other.execute(SEEN).fetchone()
            return row is not None and row[0] == kept + lost

        wait_until(leader_saw_them, AUDITED_S, "the leader to see the log's end")
        nats.kill()
        line.telemetry.kill()
    restore(copy, nats.folder / "jetstream")
    nats.start()
    return lost
