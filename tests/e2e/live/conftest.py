"""A system without models: Redis, a gateway and the recognizer `null`, whose text is a checksum of the audio."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.local.system import System, running
from tests.conftest import run_in_thread
from tests.testkit.audio.clips import Clip, shortest_clip
from tests.testkit.cli import silent
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

RATE = 16_000


@pytest.fixture(scope="session")
def null_system(artifacts: Path) -> Iterator[System]:
    with run_in_thread(running(system_plan(artifacts / "live", environment=NO_LOAD_LIMIT), silent)) as up:
        yield up


@pytest.fixture(scope="session")
def sentence(speech_clips: list[Clip]) -> NDArray[np.int16]:
    """[n] int16, 16 kHz: speech of at most 2.5 s, without silence at its end."""
    return shortest_clip(speech_clips, 2.0).pcm()[: round(2.5 * RATE)]
