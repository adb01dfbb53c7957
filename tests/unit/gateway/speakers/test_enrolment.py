"""The samples of an enrolment, and the profile that they make."""

from typing import Any

import pytest

from backend.audio.voice_vectors import decode_vector, encode_vector, unit_mean
from backend.messages.jobs import FinalResult
from backend.messages.protocol import Enrolment
from backend.messages.voices.profiles import VoiceProfile, VoiceSample
from gateway.speakers.enrolment import LIMITS, Refusal, VoiceEnrolment
from tests.testkit.streams.voices import voice


def sampled(
    utterance: int, *speakers: int, text: str = "words", variation: float = 0.3, **quality: float
) -> FinalResult:
    """A final whose pieces are of these speakers."""
    pieces = [voice(one, variation, seed=utterance * 100 + n) for n, one in enumerate(speakers)]
    good = {"speech_s": 4.0, "level_db": -25.0, "snr_db": 30.0, "clipped": 0.0}
    sample = VoiceSample(
        embedding=encode_vector(unit_mean(pieces)), pieces=tuple(map(encode_vector, pieces)), **{**good, **quality}
    )
    times = {"start_ms": 0, "end_ms": 4_000}
    return FinalResult(utterance=utterance, text=text, language="en", confidence=0.9, sample=sample, **times)


def with_windows(final: FinalResult, *speakers: int) -> FinalResult:
    """The final, with windows in which these speakers take turns."""
    assert final.sample
    windows = [encode_vector(voice(one, 0.5, seed=final.utterance * 50 + n)) for n, one in enumerate(speakers * 3)]
    return final.model_copy(update={"sample": final.sample.model_copy(update={"windows": tuple(windows)})})


def enrolment() -> VoiceEnrolment:
    return VoiceEnrolment(Enrolment(name="Anna", consent=True))


def test_three_good_samples_make_a_profile() -> None:
    enrolled = enrolment()
    assert all(enrolled.add(sampled(n, 7, 7)).accepted for n in (1, 2, 3))
    profile = enrolled.profile()
    assert isinstance(profile, VoiceProfile)
    assert (profile.name, profile.samples, profile.seconds, profile.consent) == ("Anna", 3, 12.0, True)
    assert float(decode_vector(profile.embedding) @ voice(7)) > 0.9
    assert LIMITS[0] <= profile.threshold <= LIMITS[1]


def test_a_voice_that_varies_more_gets_a_lower_threshold() -> None:
    thresholds = []
    for variation in (0.2, 0.7):
        enrolled = enrolment()
        for n in (1, 2, 3):
            enrolled.add(sampled(n, 7, variation=variation))
        profile = enrolled.profile()
        assert isinstance(profile, VoiceProfile), profile
        thresholds.append(profile.threshold)
    assert thresholds[0] > thresholds[1]


@pytest.mark.parametrize(
    ("reason", "quality"),
    [
        ("too_short", {"speech_s": 1.2}),
        ("too_quiet", {"level_db": -62.0}),
        ("distorted", {"clipped": 0.05}),
        ("too_noisy", {"snr_db": 4.0}),
    ],
)
def test_a_bad_sample_is_refused_with_the_reason_in_words(reason: str, quality: dict[str, Any]) -> None:
    enrolled = enrolment()
    for n in (1, 2):
        enrolled.add(sampled(n, 7))
    judged = enrolled.add(sampled(3, 7, **quality))
    assert (judged.accepted, judged.reason) == (False, reason)
    refusal = enrolled.profile()
    assert isinstance(refusal, Refusal)
    assert refusal.message == f"3 good samples of speech are needed, and there are 2; sample 1: {judged.message}"


def test_a_judgement_contains_the_times_of_its_utterance() -> None:
    final = sampled(1, 7).model_copy(update={"start_ms": 1_500, "end_ms": 5_600})
    judged = enrolment().add(final)
    assert (judged.start_ms, judged.end_ms) == (1_500, 5_600)


def test_a_sample_of_two_voices_is_refused() -> None:
    judged = enrolment().add(sampled(1, 7, 8))
    assert judged.reason == "mixed"


@pytest.mark.parametrize("speakers", [(7, 7, 8, 7), (7, 8, 7, 8), (7, 7, 8, 8, 8)])
def test_samples_of_different_voices_are_refused(speakers: tuple[int, ...]) -> None:
    enrolled = enrolment()
    assert all(enrolled.add(sampled(n, speaker)).accepted for n, speaker in enumerate(speakers, 1))
    refusal = enrolled.profile()
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, "not of one voice" in refusal.message) == ("several_voices", True)


def test_samples_that_all_contain_the_same_two_voices_are_refused() -> None:
    enrolled = enrolment()
    for n in (1, 2, 3):
        assert enrolled.add(with_windows(sampled(n, 7, 7), 7, 8)).accepted, "its pieces are alike"
    refusal = enrolled.profile()
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "mixed_voices"
    assert "several voices" in refusal.message


def test_windows_of_one_voice_are_enrolled() -> None:
    enrolled = enrolment()
    for n in (1, 2, 3):
        enrolled.add(with_windows(sampled(n, 7, 7), 7, 7))
    assert isinstance(enrolled.profile(), VoiceProfile)


def test_an_utterance_without_words_or_without_a_measurement_is_no_sample() -> None:
    assert enrolment().add(sampled(1, 7, text="")).reason == "no_speech"
    assert enrolment().add(sampled(1, 7).model_copy(update={"sample": None})).reason == "not_measured"
