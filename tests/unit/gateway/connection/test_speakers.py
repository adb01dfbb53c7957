"""Labels of speakers when another gateway continues the session."""

import asyncio
from collections.abc import Sequence

import pytest

from backend.messages.jobs import AudioJob
from backend.messages.protocol import Final, Start
from backend.streams.job_streams import Entry, Outcome
from tests.testkit.streams.memory import MemoryStreams
from tests.testkit.streams.virtual_time import virtual_time
from tests.testkit.streams.voices import described, spoken_final
from tests.unit.gateway.connection.memory_gateway import MemoryClient, MemoryGateway

# The voice of each utterance, and its label.
VOICES, LABELS = (7, 8, 7, 8, 9, 7), ["1", "2", "1", "2", "3", "1"]


class Describing(MemoryGateway):
    """Its worker returns the voices of finals."""

    async def _recognize(self, batch: Sequence[Entry[AudioJob]]) -> list[Outcome]:
        return [_outcome(entry.job) for entry in batch]


def _outcome(job: AudioJob) -> Outcome:
    if job.kind != "final":
        return Outcome()
    times = {"start_ms": job.start_ms, "end_ms": job.end_ms}
    voice = described(VOICES[job.utterance - 1], text="words", **times)
    return Outcome(durable=(spoken_final(job.utterance, 0).model_copy(update={**times, "voices": (voice,)}),))


def gateway(streams: MemoryStreams | None = None) -> Describing:
    return Describing(streams)


async def speak(client: MemoryClient, count: int) -> list[Final]:
    """Speak until `count` finals have arrived."""
    while len(client.of(Final)) < count:
        await client.speak(2.0)
        await asyncio.sleep(0.5)
    finals: list[Final] = client.of(Final)
    return finals


@pytest.mark.parametrize("received", [0, 1, 2, 3])
@pytest.mark.parametrize("wait_s", [0, 30])
@virtual_time
async def test_a_session_that_is_resumed_keeps_its_labels(received: int, wait_s: int) -> None:
    """Whether the record in Redis is new or old, and whatever the client has received."""
    first_gateway = gateway()
    async with first_gateway.worker():
        async with first_gateway.connect(Start(speakers=True)) as first:
            finals = await speak(first, 3)
            await asyncio.sleep(wait_s)
        assert [final.speaker for final in finals] == LABELS[:3]
        known = {"utterance": received, "cursor": finals[received - 1].cursor} if received else {}
        resume = first.resume_message(audio_from_ms=first.ready.audio_from_ms, **known)
        async with gateway(first_gateway.streams).connect(resume) as second:
            again = await speak(second, len(VOICES) - received)
    assert [final.utterance for final in again] == list(range(received + 1, len(VOICES) + 1))
    assert [final.speaker for final in again] == LABELS[received:]
    assert again[: 3 - received] == finals[received:], "the same similarities as well"
