"""Stands for a telemetry worker that is asked to replay."""

import asyncio

import msgspec

from sens.stream.connection import StreamConnection
from sens.stream.link import Message
from sens.stream.replay import ReplayReply, ReplayRequest

DONE = ReplayReply(envelopes=1, messages=200, stored=3, duplicate=590, conflict=1, quarantined=2)


class ReplayWorker:
    """Answers every request with `reply` and keeps what it was asked."""

    def __init__(self, stream: StreamConnection) -> None:
        self.stream = stream
        self.reply: ReplayReply | bytes = DONE
        self.asked: list[ReplayRequest] = []
        self.answering = asyncio.Event()
        self.answering.set()
        self.was_asked = asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    def on_message(self, message: Message) -> None:
        self.asked.append(msgspec.json.decode(message.data, type=ReplayRequest))
        self.was_asked.set()
        self.tasks.add(asyncio.create_task(self.answer(message)))

    async def answer(self, message: Message) -> None:
        await self.answering.wait()
        reply = self.reply
        data = reply if isinstance(reply, bytes) else msgspec.json.encode(reply)
        await self.stream.publish(message.reply, data)
