from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.recognizers.recognizer import RecognizedWord
from stt_worker.voices.division import MIN_VOICE_S, can_be_divided, describe_pieces, find_voices
from tests.testkit.streams.voices import voice


class Ear:
    """Audio whose samples are the number of the speaker. A mixture of speakers is the mixture of their voices."""

    def embedding(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        speakers, counts = np.unique(np.rint(samples).astype(int), return_counts=True)
        mixed = np.sum([voice(int(one)) * float(n) for one, n in zip(speakers, counts, strict=True)], axis=0)
        vector: NDArray[np.float32] = (mixed / np.linalg.norm(mixed)).astype(np.float32)
        return vector


def speech(*spoken: tuple[int, float]) -> NDArray[np.float32]:
    return np.concatenate([np.full(round(seconds * SAMPLE_RATE), speaker, np.float32) for speaker, seconds in spoken])


def words(seconds: float, pause_at: float | None = None) -> list[RecognizedWord]:
    """A word every half second, with a longer pause before the first one that begins at or after `pause_at`."""
    found = []
    for n in range(int(seconds * 2)):
        start = n * 0.5
        is_late = pause_at is not None and start - 0.5 < pause_at <= start
        found.append(RecognizedWord(f" w{n}", start + 0.15 * is_late, start + 0.45, 0.9))
    return found


def parts(samples: NDArray[np.float32], spoken: list[RecognizedWord]) -> list[tuple[float, float, range]]:
    audio = describe_pieces(samples, Ear())
    assert audio is not None
    return [(part.start, part.end, part.words) for part in find_voices(audio, spoken, Ear())]


def test_an_utterance_of_one_voice_is_one_part() -> None:
    for seconds in (0.5, 2.0, 4.0, 20.0):
        assert parts(speech((1, seconds)), words(seconds)) == [(0.0, seconds, range(int(seconds * 2)))]


@pytest.mark.parametrize("change", [2.0, 3.0, 4.0, 5.5, 7.0])
def test_two_voices_are_divided_at_the_pause_where_the_voice_changes(change: float) -> None:
    samples = speech((1, change), (2, 9.0 - change))
    (first, second) = parts(samples, words(9.0, pause_at=change))
    assert abs(first[1] - change) <= 0.3
    assert first[1] == second[0]
    assert (first[2], second[2]) == (range(round(change * 2)), range(round(change * 2), 18))


def test_a_reply_inside_an_utterance_makes_three_parts() -> None:
    samples = speech((1, 5.0), (2, 5.0), (1, 5.0))
    spoken = words(15.0, pause_at=5.0)
    spoken[20] = RecognizedWord(" w20", 10.2, 10.45, 0.9)
    found = parts(samples, spoken)
    assert [part[2] for part in found] == [range(10), range(10, 20), range(20, 30)]


def test_without_the_times_of_words_an_utterance_is_not_divided() -> None:
    assert len(parts(speech((1, 5.0), (2, 5.0)), [])) == 1
    assert len(parts(speech((1, 5.0), (2, 5.0)), [RecognizedWord(" one", 0.0, 10.0, 0.9)])) == 1


def test_short_utterances_are_not_divided() -> None:
    assert not can_be_divided(speech((1, 3.0)))
    assert len(parts(speech((1, 1.5), (2, 1.5)), words(3.0, 1.5))) == 1


def test_audio_that_is_too_short_has_no_voice() -> None:
    assert describe_pieces(np.zeros(100, np.float32), Ear()) is None


@given(
    st.lists(st.tuples(st.integers(1, 3), st.floats(0.3, 8.0)), min_size=1, max_size=4),
    st.lists(st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 0.6)), max_size=40),
)
def test_no_word_is_lost_whatever_the_voices_and_the_times(
    spoken: list[tuple[int, float]], gaps: list[tuple[float, float]]
) -> None:
    at, timed = 0.0, []
    for before, length in gaps:
        timed.append(RecognizedWord(" w", at + before, at + before + length, 0.9))
        at += before + length
    samples = speech(*spoken)
    found = parts(samples, timed)
    assert [n for *_, part in found for n in part] == list(range(len(timed)))
    assert (found[0][0], found[-1][1]) == (0.0, len(samples) / SAMPLE_RATE)
    assert all(end == start for (_, end, _), (start, _, _) in pairwise(found))
    assert len(found) == 1 or all(end - start >= MIN_VOICE_S for start, end, _ in found)
