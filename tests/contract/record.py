"""Record what this release writes, so that tests of later releases can read it: `python -m tests.contract.record`.

Run it once per release, on its commit. It starts a real system (null recognizer, a worker that fails on some audio,
OPUS-MT), speaks to it with espeak-ng, and records all traffic in tests/contract/recorded/<version>/.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from importlib.metadata import version
from pathlib import Path
from socket import gethostname
from typing import Any

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis
from websockets.asyncio.client import ClientConnection, connect

from backend import models
from backend.load.clips import synthesize_clips
from backend.local.discovery import stream_url
from backend.local.system import System
from backend.messages.protocol import (
    Configure,
    Finalize,
    Keepalive,
    Message,
    Ready,
    Resume,
    Start,
    Stop,
    parse_server,
    to_json,
)
from backend.service.settings import ServiceSettings
from backend.streams.names import STT_GROUP, TRANSLATION_GROUP, Shard
from backend.streams.observe.load_report import read_heartbeats
from backend.streams.redis.connection import connect as redis_client
from tests.contract.recording import FOLDER, Recorded, encoded
from tests.testkit.session import FRAME, RATE
from tests.testkit.system.plans import running_with_poison, system_plan

MAX_AUDIO_BYTES = 1_600  # kept of each entry, enough for decoders
SHARD = Shard(0)
STREAMS = (
    SHARD.audio("final"),
    SHARD.audio("preview"),
    SHARD.transcripts("final"),
    SHARD.transcripts("preview"),
    SHARD.dead(STT_GROUP),
    SHARD.dead(TRANSLATION_GROUP),
)
POISON_SECONDS = "0.5-1.6"  # short finals fail and are dead-lettered at once
# A transcript that no worker can decode. It becomes a dead letter.
UNREADABLE: dict[Any, Any] = {"h": '{"kind":"final","session":"?"}'}


class Tap:
    """Records the traffic of a Redis. Of messages with the same shape it keeps one."""

    def __init__(self, redis: Redis) -> None:
        self.recorded = Recorded()
        self._redis: Any = redis
        self._seen: set[Hashable] = set()
        self._sessions: set[str] = set()
        self._pubsub: Any = redis.pubsub()

    async def follow(self, session: str) -> None:
        """Record this session from now on."""
        self._sessions.add(session)
        await self._pubsub.ssubscribe(SHARD.events(session))

    async def streams(self) -> None:
        """Record stream entries. A blocked reader receives them before a worker can delete them."""
        positions: dict[Any, Any] = dict.fromkeys(STREAMS, "0-0")
        while True:
            positions |= {SHARD.log(name): "0-0" for name in self._sessions if SHARD.log(name) not in positions}
            for stream, found in await self._redis.xread(positions, block=50) or ():
                for entry_id, fields in found:
                    positions[stream.decode()] = entry_id
                    self._entry(stream.decode(), fields)

    async def channels(self) -> None:
        """Record published messages."""
        while True:
            if not self._pubsub.subscribed:
                await asyncio.sleep(0.05)
                continue
            message = await self._pubsub.get_message(timeout=0.05)
            if message and message["type"] == "smessage":
                text = message["data"].decode()
                cursor, _, body = text.partition(" ")
                if self._is_new("event", len(cursor) > 1, cursor == "!", shape(body)):
                    self.recorded.events.append(text)

    async def hashes(self) -> None:
        """Record session hashes whenever their set of fields changes."""
        while True:
            for session in tuple(self._sessions):
                fields = await self._redis.hgetall(SHARD.session(session))
                if fields and self._is_new("session", *sorted({name.split(b":")[0] for name in fields})):
                    self.recorded.sessions.append({k.decode(): v.decode() for k, v in fields.items()})
            await asyncio.sleep(0.01)

    def frame(self, text: str, *, said: bool) -> None:
        """Record a text frame of the WebSocket. `said`: the client sent it."""
        if self._is_new("frame", said, shape(text)):
            (self.recorded.said if said else self.recorded.heard).append(text)

    def _entry(self, stream: str, fields: dict[bytes, bytes]) -> None:
        kind = stream.split(":")[2]
        if self._is_new(
            stream if kind != "log" else kind, *(shape(v) for k, v in sorted(fields.items()) if k in b"he")
        ):
            self.recorded.entries.append({"stream": stream, "fields": encoded(fields, MAX_AUDIO_BYTES)})

    def _is_new(self, *look: Hashable) -> bool:
        return not (look in self._seen or self._seen.add(look))  # type: ignore[func-returns-value]


def shape(text: str | bytes) -> tuple[Any, ...]:
    """The type of a message and the names of its fields."""
    body = json.loads(text)
    return (body.get("type"), *sorted(body)) if isinstance(body, dict) else (type(body),)


class RecordedClient:
    """A client whose text frames are recorded."""

    def __init__(self, socket: ClientConnection, tap: Tap) -> None:
        self._socket, self._tap = socket, tap

    async def send(self, message: Message) -> None:
        self._tap.frame(to_json(message), said=True)
        await self._socket.send(to_json(message))

    async def receive(self) -> Any:
        text = str(await self._socket.recv())
        self._tap.frame(text, said=False)
        return parse_server(text)

    async def open(self, message: Start | Resume) -> Ready:
        await self.send(message)
        ready = await self.receive()
        assert isinstance(ready, Ready), ready
        await self._tap.follow(ready.session)
        return ready

    async def speak(self, pcm: NDArray[np.int16]) -> None:
        """Send audio in real time."""
        for at in range(0, len(pcm), FRAME):
            await self._socket.send(pcm[at : at + FRAME].tobytes())
            await asyncio.sleep(FRAME / RATE)

    async def receive_rest(self) -> None:
        """Receive events until `done`."""
        while (await self.receive()).type != "done":
            pass


async def exercise(system: System, tap: Tap, redis: Redis) -> None:
    """Make the system write every kind of record at least once."""
    with tempfile.TemporaryDirectory() as folder:
        one, two, three, _ = (clip.pcm() for clip in synthesize_clips(Path(folder)))
    silence = np.zeros(RATE, np.int16)
    async with asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(part()) for part in (tap.streams, tap.channels, tap.hashes)]
        async with connected(system, tap) as client:
            await client.open(Start(language="zh", translate_to=("en", "es")))
            # A short pause: the early final of the speech before it is withdrawn.
            await client.speak(np.concatenate([one, silence[: RATE * 2 // 5], two, silence]))
            await client.send(Configure(words=True, finals="stable", prompt="Garden talk.", hotwords="fox"))
            await client.speak(np.concatenate([three, silence]))
            await client.send(Keepalive())
            await client.send(Finalize())
            await client.send(Stop())
            await client.receive_rest()
        async with connected(system, tap) as client:
            await client.open(Start(partials=False))
            await client.speak(np.concatenate([one[RATE // 4 : RATE], silence]))
            await client.send(Stop())
            await client.receive_rest()
        async with connected(system, tap) as lost, connected(system, tap) as client:
            ready = await lost.open(Start(language="en"))
            await client.open(Resume(session=ready.session, token=ready.resume_token))
            await asyncio.sleep(0.5)
        await redis.xadd(SHARD.transcripts("final"), UNREADABLE)
        await asyncio.sleep(2)
        tap.recorded.heartbeats += await read_heartbeats(redis)
        for task in listening:
            task.cancel()


@asynccontextmanager
async def connected(system: System, tap: Tap) -> AsyncIterator[RecordedClient]:
    async with connect(stream_url(system.urls[0]), compression=None) as socket:
        yield RecordedClient(socket, tap)


async def record(logs: Path) -> Recorded:
    """Start a system and record what it writes."""
    translation = str(models.fetch("opus-zh-en"))
    plan = system_plan(logs, stt_workers=0, translation_workers=1, translation_models=translation)
    async with (
        running_with_poison(plan, "raise", POISON_SECONDS, STT_MAX_ATTEMPTS="1") as (system, _),
        redis_client(ServiceSettings(REDIS_URL=system.redis_url)) as redis,
    ):
        tap = Tap(redis)
        await exercise(system, tap, redis)
    return tap.recorded


def main() -> None:
    """Write the folder of this release. Fails if it exists, because the records of a release never change."""
    folder = FOLDER / version("nova-voice")
    if folder.exists():
        sys.exit(f"{folder} exists: a release is recorded once")
    with tempfile.TemporaryDirectory() as logs:
        asyncio.run(record(Path(logs))).write(folder)
    for file in folder.iterdir():  # do not publish the name of the machine
        file.write_text(file.read_text(encoding="utf-8").replace(f"{gethostname()}-", "host-"), encoding="utf-8")
    print(f"recorded in {folder}")


if __name__ == "__main__":
    main()
