"""Chromium with a recording for a microphone: the drivers of frontend/e2e, run and read."""

from __future__ import annotations

import asyncio
import json
import os
import wave
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.local.processes import Service
from tests.paths import FRONTEND
from tests.testkit.audio.clips import Clip, decode

BROWSER_RATE = 48_000
LEAD_S, TAIL_S = 0.7, 2.0
"""Silence around the clip, so that the browser is listening when it begins and the endpoint comes before Stop."""
LOSS_WITHIN_S = 90.0


def microphone(clip: Clip, path: Path, *more: Clip) -> float:
    """Write clips as a browser's microphone would give them, 48 kHz mono 16 bit; returns their length in seconds."""
    parts = [silence(LEAD_S)]
    for said in (clip, *more):
        parts += [decode(said.path, BROWSER_RATE), silence(TAIL_S)]
    return write(np.concatenate(parts), path)


def silence(seconds: float) -> NDArray[np.int16]:
    """As a browser's microphone gives it."""
    return np.zeros(round(BROWSER_RATE * seconds), np.int16)


def write(samples: NDArray[np.int16], path: Path) -> float:
    """Write what a browser's microphone gives; returns its length in seconds."""
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, BROWSER_RATE, 0, "NONE", ""))
        wav.writeframes(samples.astype("<i2").tobytes())
    return len(samples) / BROWSER_RATE


async def drive(
    browser: str, script: str, url: str, wav: Path, artifacts: Path, *more: str, within_s: float = 120.0
) -> Any:
    """Run one of the drivers; returns what it reports. Its pictures are named after the recording."""
    process = await asyncio.create_subprocess_exec(
        *_command(script, url, wav, artifacts, more),
        cwd=FRONTEND,
        env={**os.environ, "CHROMIUM": browser},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), within_s)
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


async def drive_and_lose(
    browser: str, script: str, url: str, wav: Path, artifacts: Path, gateway: Service, *more: str
) -> Any:
    """The same, and kill this gateway when the driver says "lose"."""
    process = await asyncio.create_subprocess_exec(
        *_command(script, url, wav, artifacts, more),
        cwd=FRONTEND,
        env={**os.environ, "CHROMIUM": browser},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    async with asyncio.timeout(LOSS_WITHIN_S):
        assert await process.stdout.readline() == b"lose\n"
        assert gateway.process is not None
        gateway.process.kill()
        process.stdin.write(b"done\n")
        report = json.loads((await process.stdout.read()).splitlines()[-1])
        assert await process.wait() == 0
    return report


def _command(script: str, url: str, wav: Path, artifacts: Path, more: tuple[str, ...]) -> tuple[str, ...]:
    return (
        "node",
        f"e2e/{script}.mjs",
        "--url",
        url,
        "--wav",
        str(wav),
        "--out",
        str(artifacts),
        "--screenshot",
        wav.stem,
        *more,
    )
