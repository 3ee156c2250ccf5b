"""PUBACK, and PUBREC, mean on disk: what `kill -9` cannot show, the system calls do, in their order."""

import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from servers import Process, children, missing, wait_until
from system.harness import Delivery, Stack
from system.sender import Sender
from system.tap import ACKNOWLEDGEMENTS, packets
from system.verify import assert_exactly_once

MESSAGES = 40
CONFIRMATION = re.compile(rb'\{"stream":"SENS_RAW",[^}]*"seq":\d+')
WORKER_CALL = re.compile(r"(\w+)\((\d+)")
CALL = re.compile(r'(\w+)\(\d+(?:<([^>]*)>)?(?:, .*?"(.*)")?')


@pytest.mark.parametrize("delivery", [Delivery(), Delivery(qos=2)], ids=str)
def test_an_acknowledgement_follows_the_confirmation_and_the_confirmation_follows_fsync(
    stack: Stack, delivery: Delivery
) -> None:
    if shutil.which("strace") is None:
        missing("strace", "as root on Debian or Ubuntu run tools/install-debian-packages")
    of_nats, of_worker = stack.folder / "nats.strace", stack.folder / "worker.strace"
    ingestion = stack.ingestion()
    stack.nats.stop()
    _trace(stack.nats, of_nats, "-f", "-y", "-e", "trace=write,pwrite64,writev,sendto,fsync,fdatasync")
    stack.nats.start()
    _trace(ingestion, of_worker, "-xx", "-e", "trace=read,recvfrom,recvmsg,write,writev,sendto,sendmsg")
    ingestion.start()
    # Slowly, so that hardly any share an envelope, on a busy machine either.
    sender = Sender(stack.broker.port, rate=25, burst=1, qos=delivery.qos)
    sender.start()
    wait_until(lambda: len(sender.acked) >= MESSAGES, what="messages")
    sender.pause()
    stack.telemetry().start()
    assert_exactly_once(stack, sender)
    sender.close()
    _stop_traced(ingestion)
    _stop_traced(stack.nats)
    assert_nats_syncs_before_it_confirms(of_nats.read_text(errors="replace").splitlines())
    assert_worker_acknowledges_what_is_confirmed(of_worker.read_text().splitlines())


def _trace(process: Process, into: Path, *options: str) -> None:
    process.prefix = ["strace", "-s", "100000", "-o", f"{into}", *options]


def _stop_traced(process: Process) -> None:
    """End what strace runs, so that strace writes its trace to the end."""
    for pid in children(process.pid):
        os.kill(pid, signal.SIGTERM)
    assert process.process is not None
    process.process.wait(20)


def assert_nats_syncs_before_it_confirms(trace: list[str]) -> None:
    confirmed, synced, dirty, syncing = 0, 0, False, set[str]()
    for line in trace:
        thread, _, text = line.partition(" ")
        text = text.strip()
        call = CALL.match(text)
        name, target = (call[1], call[2] or "") if call else ("", "")
        is_block = "SENS_RAW/msgs/" in target and target.endswith(".blk")
        if is_block and "write" in name:
            dirty = True
        elif is_block and "sync" in name and "unfinished" in text:
            syncing.add(thread)
        elif (is_block and "sync" in name) or (thread in syncing and "sync resumed" in text):
            syncing.discard(thread)
            dirty, synced = False, synced + 1
        elif target.startswith("socket:") and '{\\"stream\\":\\"SENS_RAW\\"' in text:
            assert not dirty, f"confirmed before it was synced: {line[:300]}"
            confirmed += 1
            assert synced >= confirmed, "confirmed more often than synced"
    assert confirmed > MESSAGES / 2


def assert_worker_acknowledges_what_is_confirmed(trace: list[str]) -> None:
    """Envelope written, confirmation read, PUBACKs or PUBRECs written: time and again in that order."""
    to_broker: dict[str, bytes] = {}
    events = "".join(_worker_event(line, to_broker) for line in trace)
    assert re.fullmatch("(EC)+(ECA)+", events), events
    assert events.count("A") > MESSAGES / 2


def _worker_event(line: str, to_broker: dict[str, bytes]) -> str:
    """E: an envelope is written, C: a confirmation is read, A: messages are acknowledged.

    Args:
        to_broker: number of a socket to the broker → the part of a packet that was written to it.
    """
    call = WORKER_CALL.match(line)
    if call is None:
        return ""
    name, socket = call.groups()
    data = b"".join(bytes.fromhex(text.replace("\\x", "")) for text in re.findall(r'"((?:\\x[0-9a-f]{2})+)"', line))
    if name in ("read", "recvfrom", "recvmsg"):
        return "C" if CONFIRMATION.search(data) else ""
    if data[:1] == b"\x10" and b"\x00\x04MQTT" in data[:12]:
        to_broker[socket] = b""
    if socket in to_broker:
        data = to_broker[socket] + data
        whole = list(packets(data))
        to_broker[socket] = data[whole[-1][2] :] if whole else data
        return "A" if any(data[start] >> 4 in ACKNOWLEDGEMENTS for start, _, _ in whole) else ""
    return "E" if b"sens.raw.line" in data and b"SENS\x01" in data else ""
