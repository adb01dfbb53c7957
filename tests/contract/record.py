"""Records what this release writes, for later ones to prove that they still read it: `python -m tests.contract.record`.

Run it once for each release, on its commit. It starts a real system (null recognizer, a worker that some audio does
harm to, OPUS-MT), speaks to it with espeak-ng's voice, and listens to everything: tests/contract/recorded/<version>/.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Hashable, Mapping
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
from backend.local.processes import Service
from backend.local.system import Plan, System, running
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
from tests.testkit.session import FRAME, RATE, stream_url
from tests.testkit.system.plans import QUICK

MOST_AUDIO = 1_600
"""Bytes of audio that are kept of an entry: decoders do not care for more."""
SHARD = Shard(0)
LANES = (
    SHARD.audio("final"),
    SHARD.audio("preview"),
    SHARD.transcripts("final"),
    SHARD.transcripts("preview"),
    SHARD.dead(STT_GROUP),
    SHARD.dead(TRANSLATION_GROUP),
)
POISON = {"POISON_DEED": "raise", "POISON_SECONDS": "0.5-1.6", "STT_MAX_ATTEMPTS": "1", "STT_MODEL": "null"}
"""Short finals fail, and are given up at once."""
UNREADABLE: dict[Any, Any] = {"h": '{"kind":"final","session":"?"}'}
"""A transcript that no worker can read: it becomes a dead letter."""


class Tap:
    """Listens to a Redis; of what looks alike it keeps one."""

    def __init__(self, redis: Redis) -> None:
        self.recorded = Recorded()
        self._redis: Any = redis
        self._seen: set[Hashable] = set()
        self._sessions: set[str] = set()
        self._pubsub: Any = redis.pubsub()

    async def follow(self, session: str) -> None:
        """From now on listen to this session as well."""
        self._sessions.add(session)
        await self._pubsub.ssubscribe(SHARD.events(session))

    async def streams(self) -> None:
        """Every entry as it is written: blocked readers get it before any worker can take it."""
        places: dict[Any, Any] = dict.fromkeys(LANES, "0-0")
        while True:
            places |= {SHARD.log(name): "0-0" for name in self._sessions if SHARD.log(name) not in places}
            for stream, found in await self._redis.xread(places, block=50) or ():
                for entry_id, fields in found:
                    places[stream.decode()] = entry_id
                    self._entry(stream.decode(), fields)

    async def channels(self) -> None:
        """Everything that is published."""
        while True:
            if not self._pubsub.subscribed:
                await asyncio.sleep(0.05)
                continue
            message = await self._pubsub.get_message(timeout=0.05)
            if message and message["type"] == "smessage":
                text = message["data"].decode()
                place, _, body = text.partition(" ")
                if self._new("event", len(place) > 1, place == "!", shape(body)):
                    self.recorded.events.append(text)

    async def hashes(self) -> None:
        """The sessions, whenever another kind of field has come or gone."""
        while True:
            for session in tuple(self._sessions):
                fields = await self._redis.hgetall(SHARD.session(session))
                if fields and self._new("session", *sorted({name.split(b":")[0] for name in fields})):
                    self.recorded.sessions.append({k.decode(): v.decode() for k, v in fields.items()})
            await asyncio.sleep(0.01)

    def frame(self, text: str, *, said: bool) -> None:
        """What goes over the WebSocket."""
        if self._new("frame", said, shape(text)):
            (self.recorded.said if said else self.recorded.heard).append(text)

    def _entry(self, stream: str, fields: dict[bytes, bytes]) -> None:
        kind = stream.split(":")[2]
        if self._new(stream if kind != "log" else kind, *(shape(v) for k, v in sorted(fields.items()) if k in b"he")):
            self.recorded.entries.append({"stream": stream, "fields": encoded(fields, MOST_AUDIO)})

    def _new(self, *look: Hashable) -> bool:
        return not (look in self._seen or self._seen.add(look))  # type: ignore[func-returns-value]


def shape(text: str | bytes) -> tuple[Any, ...]:
    """What kind of message it is: its type, and which fields it has."""
    body = json.loads(text)
    return (body.get("type"), *sorted(body)) if isinstance(body, dict) else (type(body),)


class Talker:
    """A client that hides nothing from the tap."""

    def __init__(self, socket: ClientConnection, tap: Tap) -> None:
        self._socket, self._tap = socket, tap

    async def say(self, message: Message) -> None:
        self._tap.frame(to_json(message), said=True)
        await self._socket.send(to_json(message))

    async def hear(self) -> Any:
        text = str(await self._socket.recv())
        self._tap.frame(text, said=False)
        return parse_server(text)

    async def opened(self, message: Start | Resume) -> Ready:
        await self.say(message)
        ready = await self.hear()
        assert isinstance(ready, Ready), ready
        await self._tap.follow(ready.session)
        return ready

    async def speak(self, pcm: NDArray[np.int16]) -> None:
        """In real time."""
        for at in range(0, len(pcm), FRAME):
            await self._socket.send(pcm[at : at + FRAME].tobytes())
            await asyncio.sleep(FRAME / RATE)

    async def rest(self) -> None:
        """All that follows."""
        while (await self.hear()).type != "done":
            pass


async def everything(system: System, tap: Tap, redis: Redis) -> None:
    """Have the system write each kind of thing at least once."""
    with tempfile.TemporaryDirectory() as folder:
        one, two, three, _ = (clip.pcm() for clip in synthesize_clips(Path(folder)))
    silence = np.zeros(RATE, np.int16)
    async with asyncio.TaskGroup() as tasks:
        listening = [tasks.create_task(part()) for part in (tap.streams, tap.channels, tap.hashes)]
        async with talker(system, tap) as client:
            await client.opened(Start(language="zh", translate_to=("en", "es")))
            # A breath in the middle: the early final of what came before is withdrawn.
            await client.speak(np.concatenate([one, silence[: RATE * 2 // 5], two, silence]))
            await client.say(Configure(words=True, finals="stable", prompt="Garden talk.", hotwords="fox"))
            await client.speak(np.concatenate([three, silence]))
            await client.say(Keepalive())
            await client.say(Finalize())
            await client.say(Stop())
            await client.rest()
        async with talker(system, tap) as client:
            await client.opened(Start(partials=False))
            await client.speak(np.concatenate([one[RATE // 4 : RATE], silence]))
            await client.say(Stop())
            await client.rest()
        async with talker(system, tap) as lost, talker(system, tap) as client:
            ready = await lost.opened(Start(language="en"))
            await client.opened(Resume(session=ready.session, token=ready.resume_token))
            await asyncio.sleep(0.5)
        await redis.xadd(SHARD.transcripts("final"), UNREADABLE)
        await asyncio.sleep(2)
        tap.recorded.heartbeats += await read_heartbeats(redis)
        for task in listening:
            task.cancel()


@asynccontextmanager
async def talker(system: System, tap: Tap) -> AsyncIterator[Talker]:
    async with connect(stream_url(system.urls[0]), compression=None) as socket:
        yield Talker(socket, tap)


async def record(logs: Path) -> Recorded:
    """Start a system, and write down what it writes."""
    plan = Plan(
        stt_model="null",
        translation_models=str(models.fetch("opus-zh-en")),
        port=0,
        stt_workers=0,
        logs=logs,
        environment=QUICK,
    )
    async with running(plan, print) as system, asyncio.TaskGroup() as tasks:
        environment: Mapping[str, str] = {**QUICK, **POISON, "REDIS_URL": system.redis_url}
        command = (sys.executable, "-m", "tests.testkit.system.poisoned_worker")
        worker = Service("poison", command, environment, logs / "poison.log", 0.3)
        tasks.create_task(worker.keep_running())
        redis = redis_client(ServiceSettings(REDIS_URL=system.redis_url))
        tap = Tap(redis)
        try:
            await everything(system, tap, redis)
        finally:
            await redis.aclose()
            await worker.stop()
    return tap.recorded


def main() -> None:
    """Write this release's folder; one that is there is left alone, as what a release wrote does not change."""
    folder = FOLDER / version("nova-voice")
    if folder.exists():
        sys.exit(f"{folder} is there: a release is recorded once")
    with tempfile.TemporaryDirectory() as logs:
        asyncio.run(record(Path(logs))).write(folder)
    for file in folder.iterdir():  # whose machine it was is nobody's concern
        file.write_text(file.read_text(encoding="utf-8").replace(f"{gethostname()}-", "host-"), encoding="utf-8")
    print(f"recorded in {folder}")


if __name__ == "__main__":
    main()
