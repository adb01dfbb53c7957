"""A worker with two Whisper models, on speech: which one recognizes each job, and whether answers keep their order."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from backend.messages.jobs import BYTES_PER_SECOND, AudioJob
from backend.messages.protocol import Final
from backend.streams.job_streams import Entry, Outcome
from backend.streams.names import Shard
from stt_worker.loading import load_recognizer, load_routes
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.audio.clips import Clip
from tests.testkit.streams.jobs import job

BELOW_S = 3.0


@pytest.fixture(scope="module")
def settings(whisper_base: Path, whisper_tiny: Path) -> SttSettings:
    if whisper_tiny == whisper_base:
        pytest.skip("Whisper tiny is not here")
    return SttSettings(model=str(whisper_base), routes=f"en<{BELOW_S}={whisper_tiny}; fr={whisper_tiny}", beam_size=2)


@pytest.fixture(scope="module")
def batch(speech_clips: list[Clip]) -> list[Entry[AudioJob]]:
    """Short and long English, French, Spanish and one piece without a language, mixed."""
    clips = sorted((clip for clip in speech_clips if clip.kind == "utt"), key=lambda clip: len(clip.pcm()))
    english = [clip for clip in clips if clip.language == "en"]
    short = [clip for clip in english if is_short(clip)][:4]
    long = [clip for clip in english if not is_short(clip)][:4]
    others = [next(clip for clip in clips if clip.language == code) for code in ("fr", "es")]
    assert len(short) == len(long) == 4
    mixed = [clip for pair in zip(short, long, strict=True) for clip in pair]
    mixed[3:3] = others
    entries = [entry(number, clip, clip.language) for number, clip in enumerate(mixed, 1)]
    return [*entries, entry(len(entries) + 1, short[0], None)]


def is_short(clip: Clip) -> bool:
    return len(clip.pcm().tobytes()) < BELOW_S * BYTES_PER_SECOND


def entry(number: int, clip: Clip, language: str | None) -> Entry[AudioJob]:
    return Entry(Shard(0), f"{number}-0", job(number, language=language), clip.pcm().tobytes())


async def finals(worker: SttWorker, batch: Sequence[Entry[AudioJob]]) -> dict[int, str]:
    """The texts by the numbers of the utterances, in the order of the answers."""
    texts = {}
    for answer in await worker.handle(batch):
        assert isinstance(answer, Outcome)
        (final,) = answer.durable
        assert isinstance(final, Final)
        texts[final.utterance] = final.text
    return texts


async def test_each_job_of_a_mixed_batch_has_the_text_of_its_model(
    settings: SttSettings, batch: list[Entry[AudioJob]]
) -> None:
    base, (light, french) = load_recognizer(settings), load_routes(settings)
    both = await finals(SttWorker(base, settings, routes=[light, french]), batch)
    small = [one for one in batch if is_for_tiny(one)]
    large = [one for one in batch if not is_for_tiny(one)]
    assert (len(small), len(large)) == (5, 6)
    by_tiny, by_base = SttWorker(light.recognizer, settings), SttWorker(base, settings)
    assert both == {**await finals(by_tiny, small), **await finals(by_base, large)}
    assert list(both) == [one.job.utterance for one in batch]
    assert both != await finals(by_base, batch), "the models write the same: the test proves nothing"


def is_for_tiny(entry: Entry[AudioJob]) -> bool:
    is_short = len(entry.pcm) < BELOW_S * BYTES_PER_SECOND
    return entry.job.language == "fr" or (entry.job.language == "en" and is_short)


async def test_a_worker_with_both_announces_what_both_can(settings: SttSettings) -> None:
    router = SttWorker(load_recognizer(settings), settings, routes=load_routes(settings)).router
    announced = router.announcement()
    languages = announced["languages"]
    assert isinstance(languages, list)
    assert {"en", "fr", "zh"} <= set(languages)
    assert (announced["tasks"], announced["prompts"], announced["hotwords"]) == (
        ["transcribe", "translate"],
        True,
        True,
    )
