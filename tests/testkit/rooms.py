"""Readers of a room, and a translator without a model."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from backend.messages.jobs import Transcript
from backend.messages.protocol import Translation
from backend.service.settings import ServiceSettings
from backend.streams.job_streams import TRANSCRIPTS, Entry, Outcome
from backend.streams.redis.connection import connect
from backend.streams.redis_job_streams import RedisJobStreams
from tests.testkit.streams.on_redis import consuming

WAIT_S = 20.0


@dataclass(slots=True)
class EventSource:
    """The captions of one reader, and the last id, as a browser keeps them."""

    captions: list[dict[str, Any]] = field(default_factory=list)
    last_id: str = ""
    end: str = ""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def finals(self) -> list[str]:
        """Texts of the final captions."""
        return [caption["text"] for caption in self.captions if caption["is_final"]]

    async def wait_for_finals(self, count: int) -> list[str]:
        """The texts of the finals, as soon as there are `count`. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_S):
            while len(self.finals) < count:
                self.changed.clear()
                await self.changed.wait()
        return self.finals

    async def wait_for_end(self) -> str:
        """Why the server ends the stream. Raises TimeoutError."""
        async with asyncio.timeout(WAIT_S):
            while not self.end:
                self.changed.clear()
                await self.changed.wait()
        return self.end

    async def read(self, response: httpx.Response) -> None:
        """Receive events until the server ends them."""
        name, identity = "", ""
        async for line in response.aiter_lines():
            key, _, value = line.partition(": ")
            match key:
                case "event":
                    name = value
                case "id":
                    identity = value
                case "data":
                    self._receive(name, json.loads(value))
                case "" if identity:
                    self.last_id, identity = identity, ""

    def _receive(self, name: str, data: dict[str, Any]) -> None:
        if name == "end":
            self.end = data["reason"]
        else:
            self.captions.append(data)
        self.changed.set()


@asynccontextmanager
async def reading(
    url: str, room: str, headers: Mapping[str, str] | None = None, **query: str | int
) -> AsyncIterator[EventSource]:
    """A reader of a room at a gateway. Raises httpx.HTTPStatusError if it is refused."""
    source = EventSource()
    async with (
        httpx.AsyncClient(timeout=httpx.Timeout(WAIT_S, read=None)) as client,
        client.stream("GET", f"{url}/v1/rooms/{room}/events", params=query, headers=headers) as response,
    ):
        if response.is_error:
            await response.aread()
        response.raise_for_status()
        receiving = asyncio.create_task(source.read(response))
        try:
            yield source
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)


@asynccontextmanager
async def marking_translator(redis_url: str) -> AsyncIterator[None]:
    """A translation worker whose translation of "x" into "es" is "[es] x"."""

    async def translate(batch: Sequence[Entry[Transcript]]) -> list[Outcome]:
        return [_outcome(entry.job) for entry in batch]

    settings = ServiceSettings(REDIS_URL=redis_url)
    async with connect(settings) as redis, consuming(RedisJobStreams(redis, settings), translate, TRANSCRIPTS):
        yield


def _outcome(transcript: Transcript) -> Outcome:
    is_final = transcript.kind == "final"
    events = tuple(
        Translation(
            utterance=transcript.utterance, language=code, text=f"[{code}] {transcript.text}", is_final=is_final
        )
        for code in transcript.translate_to
    )
    return Outcome(durable=events) if is_final else Outcome(live=events)
