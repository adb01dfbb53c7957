"""All sinks of a command. None of them waits for another."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from backend.cli.files.subtitles.units import TimedText
from backend.cli.sinks.delivery import CaptionDelivery

# How long the last captions may take after the end of the source.
DRAIN_S = 10.0


class CaptionSinks:
    """Gives each utterance to the sinks of its language. `began_at` is the Unix time of position 0."""

    def __init__(self, deliveries: Sequence[CaptionDelivery] = (), began_at: float | None = None) -> None:
        self._deliveries, self._began_at = deliveries, began_at

    @property
    def languages(self) -> set[str]:
        """The languages of the sinks that show a translation."""
        return {delivery.language for delivery in self._deliveries if delivery.language}

    def begin(self, seconds: float) -> None:
        """The first seconds of audio have arrived now. Later calls have no effect."""
        if self._began_at is None:
            self._began_at = time.time() - seconds

    def append(self, language: str | None, utterance: Sequence[TimedText]) -> None:
        """Queue an utterance for the sinks of a language; None: of the spoken one."""
        began_at = time.time() if self._began_at is None else self._began_at
        for delivery in self._deliveries:
            if delivery.language == language:
                delivery.offer(utterance, began_at)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send captions. At the end, wait up to DRAIN_S for the last ones, unless there is an error."""
        async with asyncio.TaskGroup() as tasks:
            sending = [tasks.create_task(delivery.run()) for delivery in self._deliveries]
            try:
                yield
                await self._drain(sending)
            finally:
                for task in sending:
                    task.cancel()

    async def _drain(self, sending: Sequence[asyncio.Task[None]]) -> None:
        for delivery in self._deliveries:
            delivery.end()
        if sending:
            await asyncio.wait(sending, timeout=DRAIN_S)
