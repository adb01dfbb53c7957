"""FFmpeg keeps a core busy while it looks for the format of a file, so the files of a client are opened one by one."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.cli.files.media.errors import MediaError
from backend.messages.protocol import Start
from gateway.access.auth import Caller
from gateway.apis import recordings
from gateway.apis.recordings import transcribed
from gateway.services import GatewayServices
from gateway.settings import GatewaySettings


async def test_one_file_is_opened_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    services, lock, together = GatewayServices.create(GatewaySettings()), threading.Lock(), list[bool]()

    @contextmanager
    def open_slowly(_: Path, *, separate: bool, open_timeout_s: float) -> Iterator[None]:
        together.append(not lock.acquire(blocking=False))
        time.sleep(0.02)
        if not together[-1]:
            lock.release()
        raise MediaError("no format was found")
        yield

    async def upload() -> None:
        with pytest.raises(MediaError):
            async with transcribed(services, Caller("", frozenset()), "192.0.2.1", Start(), Path("garbage"), "openai"):
                pass

    monkeypatch.setattr(recordings, "open_recording", open_slowly)
    await asyncio.gather(*(upload() for _ in range(4)))
    assert together == [False] * 4
