import asyncio
import contextlib
import gc
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sens.domain.errors import Fatal
from sens.local.data_dir import DataDir
from sens.local.part import Part, RestartPolicy, State, Status
from sens.local.probes import http_alive, http_ready, tcp_ready
from sens.local.supervisor import Supervisor
from servers import free_port, wait_until

FAST = RestartPolicy(first_delay_s=0.05, max_delay_s=0.4)
PATIENCE_S = 60.0
"""For what comes by itself, on a busy machine as well."""

# Writes down that it began and that it was told to stop.
POLITE = """
import signal, sys, time
name, diary = sys.argv[1:]
def note(what):
    with open(diary, "a") as file: file.write(f"{name} {what}\\n")
def stop(*_):
    note("stops"); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
note("begins")
print("here I am", flush=True)
time.sleep(600)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('no', flush=True); time.sleep(600)"
)
LISTENING = """
import sys, time, socket
time.sleep(float(sys.argv[2]))
with socket.create_server(("127.0.0.1", int(sys.argv[1]))): time.sleep(600)
"""
UNREADY = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/healthz":
            self.send_response(200); self.end_headers(); return
        body = b'{"status": "failing", "checks": {"database": {"ok": false, "reason": "away"}, "nats": {"ok": true}}}'
        self.send_response(503); self.send_header("content-length", str(len(body))); self.end_headers()
        self.wfile.write(body)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""

WELL = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self): self.send_response(200); self.end_headers()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def python(code: str, *arguments: object) -> list[str]:
    return [sys.executable, "-c", code, *map(str, arguments)]


@pytest.fixture
def data_dir(tmp_path: Path) -> DataDir:
    made = DataDir(tmp_path)
    made.create()
    return made


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    return tmp_path / "diary"


class Running:
    """A supervisor at work, and all it said."""

    def __init__(self, stages: Sequence[Sequence[Part]], data_dir: DataDir, policy: RestartPolicy) -> None:
        self.seen: list[Status] = []
        self.stopping = asyncio.Event()
        self.supervisor = Supervisor(stages, data_dir, self.seen.append, policy)
        self.task = asyncio.create_task(self.supervisor.run(self.stopping))

    def now(self, name: str) -> Status:
        return next(status for status in self.supervisor.statuses() if status.name == name)

    def states(self, name: str) -> list[State]:
        """The states of a part, without repetition."""
        all_ = [status.state for status in self.seen if status.name == name]
        return [state for before, state in zip([None, *all_], all_, strict=False) if state is not before]

    async def until(self, condition: Callable[[], bool], timeout_s: float = PATIENCE_S) -> None:
        await asyncio.to_thread(wait_until, condition, timeout_s, f"it; last: {self.supervisor.statuses()}")

    async def until_state(self, name: str, state: State) -> Status:
        await self.until(lambda: self.now(name).state is state)
        return self.now(name)

    async def stop(self) -> list[Status]:
        self.stopping.set()
        return await asyncio.wait_for(self.task, PATIENCE_S)


@contextlib.asynccontextmanager
async def supervised(
    data_dir: DataDir, *stages: Sequence[Part], policy: RestartPolicy = FAST
) -> AsyncGenerator[Running]:
    running = Running(stages, data_dir, policy)
    try:
        yield running
    finally:
        await running.stop()


def alive(pid: int | None) -> bool:
    assert pid is not None
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() != b""  # empty for what is not buried yet
    except OSError:
        return False


async def test_stages_start_in_order_and_stop_in_reverse(data_dir: DataDir, diary: Path):
    def polite(name: str) -> Part:
        return Part(name=name, command=python(POLITE, name, diary))

    def lines() -> list[str]:
        return diary.read_text().splitlines() if diary.exists() else []

    task = Part(
        name="task", task=True, command=python("import sys; open(sys.argv[1], 'a').write('task done\\n')", diary)
    )
    # A part without a probe counts as ready at once, so its own beginning is waited for by a task.
    wait = Part(
        name="wait", task=True,
        command=python("import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.01)", diary),
    )  # fmt: skip
    async with supervised(data_dir, [polite("a")], [wait], [task], [polite("b")]) as running:
        await running.until(lambda: "b begins" in lines())
        assert running.now("task").state is State.DONE
        assert await running.stop() == []
        assert running.states("a") == [State.STARTING, State.RUNNING, State.STOPPING, State.STOPPED]
    assert lines() == ["a begins", "task done", "b begins", "b stops", "a stops"]


async def test_a_stage_waits_until_the_one_before_is_ready(data_dir: DataDir):
    port = free_port()
    slow = Part(name="slow", command=python(LISTENING, port, 0.5), ready=tcp_ready(port))
    late = Part(name="late", command=python("import time; time.sleep(600)"))
    async with supervised(data_dir, [slow], [late]) as running:
        await running.until_state("late", State.RUNNING)
        told = [(status.name, status.state) for status in running.seen]
        assert told.index(("slow", State.RUNNING)) < told.index(("late", State.STARTING))
        assert running.states("slow") == [State.STARTING, State.RUNNING]
        assert any("does not answer yet" in status.note for status in running.seen)
        assert running.now("slow").note == ""


async def test_a_part_that_is_killed_is_restarted_and_the_reason_is_shown(data_dir: DataDir, diary: Path):
    async with supervised(data_dir, [Part(name="part", command=python(POLITE, "part", diary))]) as running:
        await running.until(diary.exists)
        first = await running.until_state("part", State.RUNNING)
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        await running.until(lambda: running.now("part").restarts == 1 and running.now("part").state is State.RUNNING)
        assert running.now("part").pid != first.pid
        died = next(status for status in running.seen if status.state is State.RESTARTING)
        assert died.note == "was ended by SIGKILL"  # what it said before is not why


async def test_pauses_between_restarts_grow_and_a_part_that_ran_once_is_never_given_up(data_dir: DataDir):
    async with supervised(data_dir, [Part(name="part", command=python("raise SystemExit('sorry')"))]) as running:
        await running.until(lambda: running.now("part").restarts >= 5)
        assert State.FAILED not in running.states("part")
        deaths = [status.since for status in running.seen if status.state is State.RESTARTING and not status.pid]
        pauses = [later - earlier for earlier, later in itertools.pairwise(deaths)]
        assert pauses[-1] > 0.4
        assert running.now("part").note == "ended with code 1: sorry"


async def test_a_part_that_never_becomes_ready_and_dies_fails_the_whole(data_dir: DataDir, diary: Path):
    dying = Part(
        name="dying", command=python("raise SystemExit('no such table')"), ready=tcp_ready(free_port()), url="here"
    )
    async with supervised(data_dir, [Part(name="first", command=python(POLITE, "first", diary))], [dying]) as running:
        failed = await asyncio.wait_for(running.task, PATIENCE_S)
        assert [(status.name, status.state, status.note) for status in failed] == [
            ("dying", State.FAILED, "ended with code 1: no such table")
        ]
        assert running.now("dying").restarts == 2
        assert running.now("first").state is State.STOPPED


async def test_an_exit_code_that_says_hopeless_is_believed_at_once(data_dir: DataDir):
    wrong = Part(name="wrong", command=python("raise SystemExit(3)"), ready=tcp_ready(free_port()), hopeless_code=3)
    async with supervised(data_dir, [wrong]) as running:
        failed = await asyncio.wait_for(running.task, PATIENCE_S)
    assert (failed[0].note, failed[0].restarts) == ("ended with code 3", 0)


async def test_a_task_that_fails_is_not_tried_again_and_nothing_after_it_starts(data_dir: DataDir):
    task = Part(name="migrate", task=True, command=python("raise SystemExit('the schema is newer')"))
    async with supervised(data_dir, [task], [Part(name="worker", command=python(""))]) as running:
        failed = await asyncio.wait_for(running.task, PATIENCE_S)
        assert [status.note for status in failed] == ["ended with code 1: the schema is newer"]
        assert running.states("worker") in ([], [State.STOPPED])


async def test_a_failed_start_leaves_no_error_behind_that_nobody_asked_for(data_dir: DataDir):
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    wrong = Part(name="wrong", command=python("raise SystemExit(3)"), ready=tcp_ready(free_port()), hopeless_code=3)
    slow = Part(name="slow", command=python("import time; time.sleep(600)"), ready=tcp_ready(free_port()))
    async with supervised(data_dir, [wrong, slow]) as running:
        await asyncio.wait_for(running.task, PATIENCE_S)
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


async def test_preparation_that_a_person_must_mend_fails_the_whole(data_dir: DataDir):
    def prepare() -> None:
        raise Fatal("written by PostgreSQL 17")

    async with supervised(data_dir, [Part(name="part", command=python(""), prepare=prepare)]) as running:
        failed = await asyncio.wait_for(running.task, PATIENCE_S)
    assert failed[0].note == "written by PostgreSQL 17"


async def test_a_command_that_is_not_there_is_named(data_dir: DataDir):
    part = Part(name="part", command=["/no/such/program"], ready=tcp_ready(free_port()))
    async with supervised(data_dir, [part]) as running:
        failed = await asyncio.wait_for(running.task, PATIENCE_S)
    assert failed[0].note == "ended with code 1: /no/such/program: No such file or directory"


async def test_a_part_that_does_not_stop_is_killed_after_its_grace_time(data_dir: DataDir):
    part = Part(name="part", command=python(STUBBORN), grace_s=0.3)
    async with supervised(data_dir, [part]) as running:
        await running.until(
            lambda: (data_dir.logs / "part.log").exists() and (data_dir.logs / "part.log").read_text() == "no\n"
        )
        pid = running.now("part").pid
        began_at = time.monotonic()
        await running.stop()
        assert time.monotonic() - began_at >= 0.3
    assert not alive(pid)


async def test_who_hurries_does_not_wait_for_the_grace_time(data_dir: DataDir):
    part = Part(name="part", command=python(STUBBORN), grace_s=600)
    async with supervised(data_dir, [part]) as running:
        await running.until(
            lambda: (data_dir.logs / "part.log").exists() and (data_dir.logs / "part.log").read_text() == "no\n"
        )
        running.stopping.set()
        await running.until_state("part", State.STOPPING)
        assert not running.task.done()
        running.supervisor.hurry()
        await asyncio.wait_for(running.task, PATIENCE_S)
        assert running.now("part").state is State.STOPPED


async def test_stopping_does_not_wait_for_a_long_pause_or_an_unready_part(data_dir: DataDir):
    slow_to_return = RestartPolicy(first_delay_s=600)
    dead = Part(name="dead", command=python("raise SystemExit(1)"))
    unready = Part(name="unready", command=python("import time; time.sleep(600)"), ready=tcp_ready(free_port()))
    async with supervised(data_dir, [dead, unready], policy=slow_to_return) as running:
        await running.until_state("dead", State.RESTARTING)
        await running.until_state("unready", State.STARTING)
        await running.stop()
        assert [status.state for status in running.supervisor.statuses()] == [State.STOPPED, State.STOPPED]


async def test_the_checks_that_fail_are_shown(data_dir: DataDir):
    port = free_port()
    part = Part(name="part", command=python(UNREADY, port), ready=http_ready(f"http://127.0.0.1:{port}/readyz"))
    async with supervised(data_dir, [part]) as running:
        await running.until(lambda: running.now("part").note == "database: away")
        assert running.now("part").state is State.STARTING


async def test_a_part_that_answers_no_more_is_shown_so_then_killed_and_started_again(data_dir: DataDir):
    port = free_port()
    part = Part(
        name="part",
        command=python(WELL, port),
        ready=http_ready(f"http://127.0.0.1:{port}/readyz"),
        alive=http_alive(f"http://127.0.0.1:{port}/healthz"),
    )
    policy = RestartPolicy(first_delay_s=0.05, unresponsive_s=0.5)
    async with supervised(data_dir, [part], policy=policy) as running:
        hung = (await running.until_state("part", State.RUNNING)).pid
        assert hung is not None
        os.kill(hung, signal.SIGSTOP)
        await running.until(lambda: running.now("part").restarts == 1)
        states = running.states("part")
        assert states[states.index(State.UNRESPONSIVE) + 1] is State.RESTARTING
        died = next(status for status in running.seen if status.state is State.RESTARTING)
        assert died.note.startswith("did not answer for ")
        assert not alive(hung)
        await running.until_state("part", State.RUNNING)


async def test_a_part_that_misses_a_server_answers_and_is_left_alone(data_dir: DataDir):
    port = free_port()
    part = Part(
        name="part",
        command=python(UNREADY, port),
        ready=http_ready(f"http://127.0.0.1:{port}/readyz"),
        alive=http_alive(f"http://127.0.0.1:{port}/healthz"),
    )
    asked = itertools.count()

    async def counted() -> str:
        next(asked)
        return await http_ready(f"http://127.0.0.1:{port}/readyz")()

    part = replace(part, ready=counted)
    async with supervised(data_dir, [part], policy=RestartPolicy(unresponsive_s=0.0)) as running:
        await running.until(lambda: running.now("part").note == "database: away")
        seen = next(asked)
        await running.until(lambda: next(asked) > seen + 20)
        assert running.states("part") == [State.STARTING]
        assert running.now("part").restarts == 0


async def test_a_part_that_works_can_have_something_to_tell(data_dir: DataDir):
    async def notice() -> str:
        return "source plant-a is away"

    part = Part(name="part", command=python("import time; time.sleep(600)"), notice=notice)
    async with supervised(data_dir, [part]) as running:
        assert (await running.until_state("part", State.RUNNING)).note == "source plant-a is away"


async def test_a_part_sees_its_environment_and_no_terminal_signals(data_dir: DataDir):
    code = (
        "import os; print(os.environ['SENS_X'], os.getpgid(0) == os.getpid(), flush=True); import time; time.sleep(600)"
    )
    async with supervised(data_dir, [Part(name="part", command=python(code), environment={"SENS_X": "7"})]) as running:
        log = data_dir.logs / "part.log"
        await running.until(lambda: log.exists() and bool(log.read_text()))
        assert log.read_text() == "7 True\n"


async def test_a_bug_in_a_probe_ends_the_whole_and_is_raised(data_dir: DataDir):
    async def probe() -> str:
        raise ZeroDivisionError

    part = Part(name="part", command=python("import time; time.sleep(1)"), ready=probe)
    running = Running([[part]], data_dir, FAST)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(running.task, PATIENCE_S)
    assert running.now("part").state is State.FAILED
