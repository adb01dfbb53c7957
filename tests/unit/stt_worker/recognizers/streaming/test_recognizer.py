"""The text of a job depends on its audio alone: not on earlier jobs, on the worker, or on the states that it has."""

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from stt_worker.recognizers.recognizer import Hypothesis, Speech
from stt_worker.recognizers.streaming.recognizer import StreamingRecognizer

SAMPLES = 60
UTTERANCES = 4


@dataclass(slots=True)
class Read:
    """The samples that a state has processed."""

    hotwords: str
    crc: int = 0
    samples: int = 0
    finished: bool = False


@dataclass(slots=True)
class ChecksumModel:
    """A `StreamingModel` that writes a checksum of all samples of a state, as NullRecognizer does."""

    engine: str = "checksum"
    model: str = "checksum"
    device: str = "cpu"
    compute_type: str = ""
    languages: Collection[str] | None = None
    measures_words: bool = False
    uses_hotwords: bool = True
    accepted: list[int] = field(default_factory=list)

    def begin(self, speech: Speech) -> Read:
        return Read(speech.hotwords)

    def accept(self, states: Sequence[Read], pieces: Sequence[NDArray[np.float32]], finished: Sequence[bool]) -> None:
        for state, piece, ends in zip(states, pieces, finished, strict=True):
            assert not state.finished, "samples after the end"
            state.crc = zlib.crc32(piece.tobytes(), state.crc)
            state.samples += len(piece)
            state.finished = ends
            self.accepted.append(len(piece))

    def hypothesis(self, state: Read, speech: Speech) -> Hypothesis:
        assert state.samples == len(speech.samples)
        return Hypothesis(f"{state.crc:08x} {state.finished} {state.hotwords}", "en", 1.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Job:
    """A job for one of two workers. `version`: which audio; a denoiser changes samples that were processed before."""

    utterance: int
    end: int
    final: bool = False
    version: int = 0
    hotwords: str = ""

    @property
    def speech(self) -> Speech:
        audio = np.arange(SAMPLES, dtype=np.float32) + 1_000 * self.utterance
        audio[::7] += self.version
        utterance = f"s/{self.utterance}" if self.utterance else ""
        return Speech(audio[: self.end], final=self.final, hotwords=self.hotwords, utterance=utterance)


jobs = st.builds(
    Job,
    utterance=st.integers(0, UTTERANCES),
    end=st.integers(0, SAMPLES),
    final=st.booleans(),
    version=st.integers(0, 1),
    hotwords=st.sampled_from(["", "Nova"]),
)
batches = st.lists(st.tuples(st.integers(0, 1), st.lists(jobs, min_size=1, max_size=4)), max_size=12)


def alone(job: Job) -> str:
    """The text of a worker that has seen no other job."""
    return StreamingRecognizer(ChecksumModel()).recognize([job.speech])[0].text


@given(batches, st.integers(1, UTTERANCES))
def test_any_jobs_on_any_worker_have_the_text_of_their_audio(batches: list[tuple[int, list[Job]]], kept: int) -> None:
    workers = [StreamingRecognizer(ChecksumModel(), kept) for _ in range(2)]
    for worker, batch in batches:
        texts = [found.text for found in workers[worker].recognize([job.speech for job in batch])]
        assert texts == [alone(job) for job in batch]


@given(st.lists(st.integers(0, SAMPLES), min_size=1, max_size=8).map(sorted), st.sets(st.integers(0, 7)))
def test_any_division_and_any_loss_of_states_give_the_same_texts(ends: list[int], lost: set[int]) -> None:
    recognizer = StreamingRecognizer(ChecksumModel())
    for number, end in enumerate(ends):
        if number in lost:
            recognizer = StreamingRecognizer(ChecksumModel())
        preview = Job(1, end)
        assert recognizer.recognize([preview.speech])[0].text == alone(preview)
    final = Job(1, SAMPLES, final=True)
    assert [recognizer.recognize([final.speech])[0].text for _ in range(2)] == [alone(final)] * 2


@given(st.lists(st.integers(0, SAMPLES), min_size=1, max_size=8).map(sorted))
def test_each_sample_is_processed_once(ends: list[int]) -> None:
    model = ChecksumModel()
    recognizer = StreamingRecognizer(model)
    for end in ends:
        recognizer.recognize([Job(1, end).speech])
    recognizer.recognize([Job(1, SAMPLES, final=True).speech])
    assert sum(model.accepted) == SAMPLES


def test_with_more_utterances_than_states_the_oldest_begins_again() -> None:
    model = ChecksumModel()
    recognizer = StreamingRecognizer(model, 2)
    for utterance in (1, 2, 3):
        recognizer.recognize([Job(utterance, 20).speech])
    recognizer.recognize([Job(utterance, 30).speech for utterance in (1, 2, 3)])
    assert model.accepted == [20, 20, 20, 30, 10, 10]
