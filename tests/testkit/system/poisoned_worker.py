"""An STT worker on which some audio does harm, to test how the system handles these entries.

Run: `python -m tests.testkit.system.poisoned_worker`.
It is a real worker with the recognizer "null" and the same settings. A final whose length is within POISON_SECONDS
("3.0-3.4") has the effect POISON_FAILURE. Previews of the same audio have no effect.
"""

import asyncio
import os
import signal
import threading
from collections.abc import Sequence
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

from backend.messages.jobs import SAMPLE_RATE
from backend.service import logging
from backend.service.lifecycle import run_until_signalled
from backend.service.metrics_server import MetricsServer
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Hypothesis, Recognizer, Speech
from stt_worker.settings import SttSettings
from stt_worker.worker import serve

Failure = Literal["raise", "hang", "kill"]


class Poison(BaseSettings):
    """Settings, read from the environment."""

    model_config = SettingsConfigDict(env_prefix="POISON_", frozen=True)

    # Shortest and longest poisonous final, inclusive. Empty: no final is poisonous.
    seconds: str = ""
    # "raise": an error; "hang": never return; "kill": kill the process.
    failure: Failure = "raise"

    def harms(self, speech: Speech) -> bool:
        """Whether this audio is poisonous."""
        if not (speech.final and self.seconds):
            return False
        shortest, longest = map(float, self.seconds.split("-"))
        return shortest <= len(speech.samples) / SAMPLE_RATE <= longest


class Poisoned:
    """A `Recognizer` that fails on poisonous audio."""

    def __init__(self, recognizer: Recognizer, poison: Poison) -> None:
        self._recognizer, self._poison = recognizer, poison
        self.model, self.device, self.compute_type = recognizer.model, recognizer.device, recognizer.compute_type
        self.languages, self.engine = recognizer.languages, recognizer.engine
        self.uses_prompts, self.measures_words = recognizer.uses_prompts, recognizer.measures_words
        self.uses_hotwords = recognizer.uses_hotwords
        self.overlap, self.parallel_batches = recognizer.overlap, recognizer.parallel_batches
        self.continues_drafts, self.translates = recognizer.continues_drafts, recognizer.translates

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """Decode a batch, and fail if a part of it is poisonous."""
        if any(map(self._poison.harms, batch)):
            self._fail()
        return self._recognizer.recognize(batch)

    def _fail(self) -> None:
        match self._poison.failure:
            case "raise":
                raise ValueError("poison")
            case "hang":
                threading.Event().wait()
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)


async def _main(stop: asyncio.Event) -> None:
    settings = SttSettings()
    logging.configure("stt_worker", settings)
    with MetricsServer().serving(settings) as metrics_server:
        recognizer = Poisoned(NullRecognizer(settings.null_cost, settings.null_base_s), Poison())
        await serve(recognizer, settings, stop, metrics_server)


if __name__ == "__main__":
    run_until_signalled(_main)
