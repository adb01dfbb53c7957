"""Chromium with a recording as its microphone, controlled by the drivers in frontend/e2e."""

import asyncio
import json
import os
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.local.processes import Service
from tests.paths import FRONTEND
from tests.testkit.audio.clips import Clip, decode

BROWSER_RATE = 48_000
# Silence around a clip: the browser must be recording when the clip begins, and the endpoint must come before Stop.
LEAD_S, TAIL_S = 0.7, 2.0
LOSS_WITHIN_S = 90.0


def microphone(clip: Clip, path: Path, *more: Clip) -> float:
    """Write clips as microphone input of a browser: 48 kHz mono, 16 bit. Returns the length in seconds."""
    parts = [silence(LEAD_S)]
    for spoken in (clip, *more):
        parts += [decode(spoken.path, BROWSER_RATE), silence(TAIL_S)]
    return write(np.concatenate(parts), path)


def silence(seconds: float) -> NDArray[np.int16]:
    """Samples of microphone input."""
    return np.zeros(round(BROWSER_RATE * seconds), np.int16)


def write(samples: NDArray[np.int16], path: Path) -> float:
    """Write microphone input. Returns the length in seconds."""
    with wave.open(str(path), "wb") as wav:
        wav.setparams((1, 2, BROWSER_RATE, 0, "NONE", ""))
        wav.writeframes(samples.astype("<i2").tobytes())
    return len(samples) / BROWSER_RATE


async def drive(
    browser: str, script: str, url: str, wav: Path, artifacts: Path, *more: str, within_s: float = 120.0
) -> Any:
    """Run a driver and return its JSON report. Its screenshots are named after the recording."""
    async with asyncio.timeout(within_s):
        process = await _start(browser, script, url, wav, artifacts, more)
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return json.loads(output)


async def drive_and_lose(
    browser: str, script: str, url: str, wav: Path, artifacts: Path, gateway: Service, *more: str
) -> Any:
    """Run a driver, and kill this gateway when the driver prints "lose"."""
    async with asyncio.timeout(LOSS_WITHIN_S):
        process = await _start(browser, script, url, wav, artifacts, more)
        assert process.stdout is not None
        assert await process.stdout.readline() == b"lose\n"
        assert gateway.process is not None
        gateway.process.kill()
        output, errors = await process.communicate(b"done\n")
    assert process.returncode == 0, errors.decode()
    return json.loads(output.splitlines()[-1])


async def _start(
    browser: str, script: str, url: str, wav: Path, artifacts: Path, more: Sequence[str]
) -> asyncio.subprocess.Process:
    options = {"--url": url, "--wav": str(wav), "--out": str(artifacts), "--screenshot": wav.stem}
    arguments = [part for option in options.items() for part in option]
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        *("node", f"e2e/{script}.mjs", *arguments, *more),
        cwd=FRONTEND,
        env={**os.environ, "CHROMIUM": browser},
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
    )
