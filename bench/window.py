"""A broker that lets only 20 messages be unacknowledged: each fsync carries at most so many."""

from dataclasses import asdict

from bench.figures import Context, Goal, Line, Outcome
from bench.live import usage
from bench.load import Tool
from bench.messages import uniform_expected
from bench.proof import prove, wait_stored
from bench.stack import start_together
from bench.windowed_broker import Passed
from servers import free_port

WINDOW = 20


def window(context: Context) -> Outcome:
    """Messages a second through the ingestion worker, telemetry and store at work as well."""
    messages, port = context.messages // 5, free_port()
    with context.stack() as stack:
        stack.configure(port)
        broker = Tool("windowed_broker", port=port, messages=messages, window=WINDOW)
        try:
            broker.wait_ready()
            start_together(stack.ingestion(), stack.telemetry())
            with stack.database() as database, stack.meter() as meter:
                wait_stored(database, messages)
            stack.stop_workers()  # and with it the connection, and the broker
            passed = Passed(**broker.result())
        finally:
            broker.kill()
        books = prove(stack, uniform_expected(messages))
    lines = [Line(f"window of {WINDOW}: through ingestion", round(passed.rate), "messages/s", Goal(15_000))]
    return Outcome(lines, {"passed": asdict(passed), **usage(meter, messages), "books": asdict(books)})
