"""The text of one voice: other voices, several voices, short speech and failures."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.audio.voice_vectors import encode_vector
from backend.messages.jobs import SAMPLE_RATE, FinalResult, decode_channel_message, encode_channel_message
from backend.messages.protocol import Final
from backend.messages.voices.profiles import TargetVoice
from backend.streams.job_streams import Entry, Outcome
from backend.streams.names import Shard
from stt_worker.recognizers.recognizer import VoiceDescriber
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.streams.jobs import job
from tests.testkit.streams.voices import voice
from tests.unit.stt_worker.voices.test_stage import Broken, Ear, NoWords, Speaker

# Voice 1 is that of positive samples.
TARGET = TargetVoice(embedding=encode_vector(voice(1)), threshold=0.6, short_threshold=0.5)
WORDS = "one two three four five six seven eight nine ten"


def audio(*parts: tuple[int, float]) -> NDArray[np.int16]:
    """Parts of this level, for some seconds."""
    return np.concatenate([np.full(round(seconds * SAMPLE_RATE), level, "<i2") for level, seconds in parts])


async def answered(
    pcm: NDArray[np.int16], ear: VoiceDescriber | None, recognizer: Speaker | None = None, **fields: Any
) -> Outcome:
    times: dict[str, Any] = {"start_ms": 1_000, "end_ms": 1_000 + 1_000 * len(pcm) // SAMPLE_RATE}
    one = job(1, language="en", target=TARGET, **times, **fields)
    worker = SttWorker(recognizer or Speaker(), SttSettings(), voices=ear)
    (outcome,) = await worker.handle([Entry(Shard(0), "1-0", one, pcm.tobytes())])
    assert isinstance(outcome, Outcome)
    return outcome


def final_of(outcome: Outcome) -> FinalResult:
    """The final as a gateway decodes it."""
    (final,) = outcome.durable
    assert isinstance(final, Final)
    event = decode_channel_message(encode_channel_message(final, "1-0")).event
    assert isinstance(event, FinalResult)
    return event


async def test_the_target_keeps_its_text() -> None:
    final = final_of(await answered(audio((900, 10)), Ear()))
    assert (final.text, final.target_checked, final.ignored) == (WORDS, True, ())


@pytest.mark.parametrize("finals", ["revise", "stable"])
async def test_another_voice_leaves_no_text_and_no_translation(finals: str) -> None:
    fields: dict[str, Any] = {"translate_to": ("de",), "finals": finals, "committed": "one two"}
    outcome = await answered(audio((-900, 10)), Ear(), **fields)
    final = final_of(outcome)
    assert (final.text, final.translate_to, final.target_checked) == ("", (), True)
    assert outcome.transcript is None
    (ignored,) = final.ignored
    assert (ignored.start_ms, ignored.end_ms, ignored.duration_ms) == (1_000, 11_000, 10_000)
    assert (ignored.reason, ignored.by_majority) == ("other_voice", False)


async def test_of_two_voices_only_the_other_one_is_left_out() -> None:
    final = final_of(await answered(audio((900, 5), (-900, 5)), Ear(), words=True))
    assert final.text == "one two three four five"
    assert [word.word for word in final.words or ()] == [f" {word}" for word in final.text.split()]
    (ignored,) = final.ignored
    assert (ignored.start_ms, ignored.end_ms) == (6_000, 11_000)


@pytest.mark.parametrize(("own_s", "text"), [(6.0, "one"), (3.0, "")])
async def test_voices_that_cannot_be_divided_are_decided_by_their_majority(own_s: float, text: str) -> None:
    class OneWord(Speaker):
        text = "one"

    final = final_of(await answered(audio((900, own_s), (-900, 9.0 - own_s)), Ear(), OneWord()))
    assert final.text == text
    assert [ignored.by_majority for ignored in final.ignored] == ([] if text else [True])


async def test_speech_that_is_too_short_gives_no_text() -> None:
    final = final_of(await answered(audio((0, 0.5), (900, 0.2), (0, 0.5)), Ear()))
    assert (final.text, [ignored.reason for ignored in final.ignored]) == ("", ["too_short"])


async def test_short_speech_is_compared_without_the_silence_around_it() -> None:
    final = final_of(await answered(audio((0, 1), (900, 0.8), (0, 1)), Ear()))
    assert final.text == WORDS


@pytest.mark.parametrize("ear", [None, Broken()])
async def test_text_that_cannot_be_compared_is_left_out(ear: VoiceDescriber | None) -> None:
    outcome = await answered(audio((900, 10)), ear, translate_to=("de",))
    final = final_of(outcome)
    assert (final.text, [ignored.reason for ignored in final.ignored]) == ("", ["not_checked"])
    assert outcome.transcript is None


async def test_audio_without_words_is_nothing_to_ignore() -> None:
    (final,) = (await answered(audio((900, 10)), Ear(), NoWords())).durable
    assert isinstance(final, Final)
    assert final.text == ""
    assert not getattr(final, "ignored", ())


@pytest.mark.parametrize(
    ("pcm", "whose"),
    [(audio((-900, 4), (900, 4)), "target"), (audio((900, 4), (-900, 4)), "other"), (audio((900, 1)), "unknown")],
)
async def test_a_preview_says_whose_voice_its_end_is(pcm: NDArray[np.int16], whose: str) -> None:
    outcome = await answered(pcm, Ear(), kind="preview", translate_to=("de",))
    (partial,) = outcome.live
    assert getattr(partial, "voice", None) == whose
    assert outcome.transcript is None or whose == "target"


async def test_a_sample_is_measured_on_request() -> None:
    one = job(1, language="en", start_ms=0, end_ms=10_000, measure_voice=True)
    worker = SttWorker(Speaker(), SttSettings(), voices=Ear())
    pcm = audio((30, 1), (3_000, 8), (30, 1))
    (outcome,) = await worker.handle([Entry(Shard(0), "1-0", one, pcm.tobytes())])
    assert isinstance(outcome, Outcome)
    sample = final_of(outcome).sample
    assert sample is not None
    assert sample.speech_s == pytest.approx(8.0, abs=0.1)
    assert sample.level_db == pytest.approx(20 * np.log10(3_000 / 32_768), abs=0.2)
    assert sample.snr_db == pytest.approx(40.0, abs=0.5)
    assert (len(sample.short), sample.clipped) == (8, 0.0)
