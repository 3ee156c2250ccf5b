"""Several replicas: they share the work, and the death of any of them changes nothing that is stored."""

import random
import time

from servers import wait_until
from system.faults import some_time
from system.harness import LEADS, OWNED, Line, Stack, source, the_one
from system.sender import Sender
from system.verify import assert_exactly_once

SHARED = "    mode: shared\n"


def test_two_telemetry_workers_share_one_stream_through_the_death_of_either(line: Line, rounds: range) -> None:
    workers = [line.telemetry, line.stack.telemetry(1)]
    workers[1].start()
    for _ in rounds:
        some_time()
        victim = random.choice(workers)
        victim.kill()
        some_time()
        victim.start()
        time.sleep(0.5)
        assert_exactly_once(line.stack, line.sender)
        line.sender.resume()


def test_another_telemetry_worker_leads_when_the_leader_dies(line: Line, rounds: range) -> None:
    workers = [line.telemetry, line.stack.telemetry(1)]
    workers[1].start()
    for _ in rounds:
        leader = the_one(workers, LEADS)
        leader.kill()
        other = the_one(workers, LEADS)
        assert other is not leader
        leader.start()
        assert_exactly_once(line.stack, line.sender)
        line.sender.resume()


def test_a_standby_takes_an_exclusive_source_over_when_its_owner_dies(line: Line, rounds: range) -> None:
    workers = [line.ingestion, line.stack.ingestion(1)]
    workers[1].start()
    for _ in rounds:
        owner = the_one(workers, OWNED)
        some_time()
        owner.kill()
        heir = the_one(workers, OWNED)
        assert heir is not owner
        owner.start()
        time.sleep(0.5)
        assert_exactly_once(line.stack, line.sender)
        line.sender.resume()


def test_shared_mode_survives_the_death_of_a_member(stack: Stack, rounds: range) -> None:
    stack.write_config(source("line", stack.broker.port, SHARED))
    members = [stack.ingestion(0), stack.ingestion(1)]
    stack.telemetry().spawn()
    for member in members:
        member.start()
        wait_until(lambda: member.metric("sens_ingestion_connected") == 1, what="a connection")  # noqa: B023 - called at once
    # An odd number of devices: then both members get messages of each device, also of those without a time.
    sender = Sender(stack.broker.port, devices=7)
    sender.start()
    for _ in rounds:
        some_time()
        victim = random.choice(members)
        victim.kill()
        some_time()
        victim.start()
        time.sleep(0.5)
        assert_exactly_once(stack, sender)
        sender.resume()
    received = [member.metric("sens_ingestion_messages_received_total") for member in members]
    assert all(received), f"a member received nothing: {received}"
    sender.close()
