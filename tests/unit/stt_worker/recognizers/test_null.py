"""The text of the null recognizer identifies the audio, and passes through the pipeline like that of a model."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.jobs import PartialResult
from backend.messages.protocol import Final
from backend.text.edits import contradicted
from stt_worker.outcomes import final_outcome, preview_outcome
from stt_worker.recognizers.null import NullRecognizer, checksum, transcript
from stt_worker.recognizers.recognizer import Speech
from tests.testkit.streams.jobs import preview_job
from tests.testkit.system.poisoned_worker import Poison, Poisoned

RATE = 16_000
SAMPLES = st.lists(st.integers(-32_768, 32_767), min_size=1, max_size=200)


def noise(seconds: float, seed: int = 0) -> bytes:
    return np.random.default_rng(seed).bytes(2 * round(seconds * RATE))


def speech(pcm: bytes, *, final: bool = True, prefix: str = "", words: bool = False) -> Speech:
    """The speech that the worker makes from an entry."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
    return Speech(samples=samples, final=final, prefix=prefix, words=words)


def text(pcm: bytes, *, final: bool = True, prefix: str = "") -> str:
    (heard,) = NullRecognizer().recognize([speech(pcm, final=final, prefix=prefix)])
    return heard.text


@given(SAMPLES)
def test_samples_are_converted_to_float_and_back_exactly(samples: list[int]) -> None:
    pcm = np.array(samples, "<i2").tobytes()
    assert speech(pcm).pcm == pcm


@given(SAMPLES, st.data())
def test_a_single_changed_sample_changes_the_text(samples: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(samples) - 1))
    changed = [*samples[:place], samples[place] ^ 1, *samples[place + 1 :]]
    before, after = (np.array(some, "<i2").tobytes() for some in (samples, changed))
    assert text(before) != text(after)


def test_a_final_has_one_word_per_0_4_s_and_a_checksum() -> None:
    pcm = noise(1.3)
    assert text(pcm) == transcript(pcm)
    assert len(text(pcm).split()) == 4
    assert text(pcm).split()[-1] == checksum(pcm)


def test_the_checksum_is_crc_32() -> None:
    assert checksum(b"123456789") == "cbf43926"


def test_lost_duplicated_or_mixed_up_audio_changes_the_text() -> None:
    first, second = noise(0.8, seed=1), noise(0.8, seed=2)
    texts = {text(pcm) for pcm in (first + second, first, first + first + second, second + first, first[:-2] + second)}
    assert len(texts) == 5


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_longer_preview_begins_with_the_shorter_one(tenths: int, more: int) -> None:
    pcm = noise((tenths + more) / 10)
    shorter = text(pcm[: tenths * 3200], final=False)
    assert text(pcm, final=False).startswith(shorter)
    assert text(pcm).startswith(shorter)


def test_a_foreign_prefix_stays_visible_before_the_text() -> None:
    pcm = noise(2.0)
    own = " ".join(transcript(pcm).split()[:2])
    assert text(pcm, prefix=own) == transcript(pcm)
    assert text(pcm, prefix="somebody else") == f"somebody else {transcript(pcm)}"


@pytest.mark.parametrize("prefix", ["", "somebody else"])
@pytest.mark.parametrize("seconds", [0.02, 0.4, 1.2, 3.3])
def test_joined_words_are_the_text_and_their_times_ascend(seconds: float, prefix: str) -> None:
    (heard,) = NullRecognizer().recognize([speech(noise(seconds), prefix=prefix, words=True)])
    assert "".join(word.text for word in heard.words).strip() == heard.text
    times = [time for word in heard.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[-1] == pytest.approx(seconds)


def test_a_batch_takes_the_configured_time_and_none_by_default() -> None:
    slept: list[float] = []
    batch = [speech(noise(1.0)), speech(noise(0.5))]
    NullRecognizer(sleep=slept.append).recognize(batch)
    assert slept == []
    NullRecognizer(cost=0.1, base_s=0.02, sleep=slept.append).recognize(batch)
    assert slept == [pytest.approx(0.17)]


@pytest.mark.parametrize("pcm", [noise(28.0), bytes(28 * 2 * RATE)], ids=["noise", "digital silence"])
def test_captions_grow_and_the_final_keeps_every_committed_word(pcm: bytes) -> None:
    """Previews as the gateway requests them, through the guards and the stability rules of the worker."""
    shown = PartialResult(utterance=1, revision=0, committed="", tentative="", language="en", start_ms=0, end_ms=0)
    recognizer = NullRecognizer()
    for half_seconds in range(1, 56):
        heard_of = pcm[: half_seconds * RATE]
        job = preview_job(shown, 500 * half_seconds)
        (heard,) = recognizer.recognize([speech(heard_of, final=False, words=True)])
        (partial,) = preview_outcome(job, heard).live
        assert isinstance(partial, PartialResult)
        assert partial.committed.startswith(shown.committed)
        assert heard.text.startswith(partial.committed + partial.tentative)
        shown = partial
    assert len(shown.committed.split()) >= 60
    (heard,) = recognizer.recognize([speech(pcm)])
    (final,) = final_outcome(job.model_copy(update={"kind": "final", "end_ms": 28_000}), heard).durable
    assert isinstance(final, Final)
    assert final.text == transcript(pcm)
    assert contradicted(shown.committed, final.text) == 0


def test_poison_affects_finals_of_its_length_only() -> None:
    poisoned = Poisoned(NullRecognizer(), Poison(seconds="3.0-3.4", failure="raise"))
    harmless = [speech(noise(2.9)), speech(noise(3.5)), replace(speech(noise(3.2)), final=False)]
    assert poisoned.recognize(harmless) == NullRecognizer().recognize(harmless)
    for seconds in (3.0, 3.2, 3.4):
        with pytest.raises(ValueError, match="poison"):
            poisoned.recognize([*harmless, speech(noise(seconds))])


def test_without_poison_everything_is_recognized() -> None:
    batch = [speech(noise(3.2))]
    assert Poisoned(NullRecognizer(), Poison()).recognize(batch) == NullRecognizer().recognize(batch)
