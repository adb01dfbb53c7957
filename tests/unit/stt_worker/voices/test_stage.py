"""The voices of finals: which are described, and how failures are handled."""

import base64
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.errors import ModelError
from backend.messages.jobs import SAMPLE_RATE, AudioJob, FinalResult, decode_channel_message, encode_channel_message
from backend.messages.protocol import Final
from backend.streams.job_streams import Entry, Outcome
from backend.streams.names import Shard
from stt_worker.loading import load_voice_model
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord, Speech, VoiceDescriber
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.streams.jobs import job
from tests.testkit.streams.voices import voice

# The first 5 s are positive, the rest is negative: two voices.
TWO = np.repeat(np.array([9, -9], "<i2"), 5 * SAMPLE_RATE)


class Ear:
    """A voice for positive samples and one for negative ones."""

    def embedding(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        share = np.float32(np.mean(samples > 0))
        mixed = voice(1) * share + voice(2) * (1 - share)
        vector: NDArray[np.float32] = mixed / np.linalg.norm(mixed)
        return vector


class Broken(Ear):
    def embedding(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        raise RuntimeError("wrong model")


class Speaker(NullRecognizer):
    """Recognizes a word in each second, if words are needed."""

    text = "one two three four five six seven eight nine ten"

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        spoken = self.text.split()
        timed = tuple(RecognizedWord(f" {word}", n + 0.1, n + 0.9, 0.9) for n, word in enumerate(spoken))
        return [Hypothesis(self.text, "en", 1.0, -0.1, 0.0, timed if speech.words else ()) for speech in batch]


class NoWords(Speaker):
    text = ""


async def answered(recognizer: NullRecognizer, ear: VoiceDescriber | None, **fields: Any) -> Final:
    one: AudioJob = job(1, language="en", start_ms=1_000, end_ms=11_000, **fields)
    worker = SttWorker(recognizer, SttSettings(), voices=ear)
    (outcome,) = await worker.handle([Entry(Shard(0), "1-0", one, TWO.tobytes())])
    assert isinstance(outcome, Outcome)
    return _final(outcome)


def _final(outcome: Outcome) -> Final:
    (final,) = outcome.durable
    assert isinstance(final, Final)
    return final


async def test_an_utterance_of_two_voices_has_their_parts_of_the_text() -> None:
    final = await answered(Speaker(), Ear(), describe_voices=True)
    assert isinstance(final, FinalResult)
    parts = [(part.text, part.start_ms, part.end_ms) for part in final.voices]
    assert parts == [("one two three four five", 1_000, 6_000), ("six seven eight nine ten", 6_000, 11_000)]
    assert final.words is None, "the client did not ask for words"
    vectors = [np.frombuffer(base64.b64decode(part.embedding), "<f2").astype(np.float32) for part in final.voices]
    assert [round(float(vector @ voice(n)), 3) for n, vector in enumerate(vectors, 1)] == [1.0, 1.0]
    message = decode_channel_message(encode_channel_message(final, "1-0"))
    assert isinstance(message.event, FinalResult)
    assert message.event.voices == final.voices


async def test_nothing_is_described_unless_the_job_asks_for_it() -> None:
    assert type(await answered(Speaker(), Broken())) is Final


@pytest.mark.parametrize("ear", [None, Broken()])
async def test_a_missing_or_broken_model_costs_no_text(ear: VoiceDescriber | None) -> None:
    final = await answered(Speaker(), ear, describe_voices=True)
    assert type(final) is Final
    assert final.text == Speaker.text


async def test_audio_without_words_has_no_voice() -> None:
    assert type(await answered(NoWords(), Ear(), describe_voices=True)) is Final


def test_the_model_is_optional_unless_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NOVA_CACHE_DIR", "NOVA_MODELS_DIR", "HF_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    assert load_voice_model(SttSettings()) is None
    assert load_voice_model(SttSettings(voice_model="")) is None
    with pytest.raises(ModelError, match="nova models pull campplus"):
        load_voice_model(SttSettings(voice_model="campplus"))
    (tmp_path / "voices.onnx").write_bytes(b"no model")
    for place in (tmp_path, tmp_path / "voices.onnx"):
        with pytest.raises(ModelError, match="cannot be loaded"):
            load_voice_model(SttSettings(voice_model=str(place)))
