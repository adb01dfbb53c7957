"""Enrols the speaker of a session: judges each sample of the voice, and makes a profile of those that are good. Pure.

The samples are those of the finals in the session log, so a gateway that resumes the session reads them again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from backend.audio.voice_vectors import VoiceVector, decode_vector, encode_vector, unit_mean
from backend.messages.jobs import FinalResult
from backend.messages.protocol import Enrolment, EnrolmentSample
from backend.messages.voices.profiles import VoiceProfile, VoiceSample
from gateway.speakers.consistency import MIN_WINDOW_SIMILARITY, window_similarity

# Samples that a profile needs, and those that are used.
MIN_SAMPLES, MAX_SAMPLES = 3, 20
# Speech of a sample: in less, the voices of several people are similar (docs/explanation/decisions/0040).
MIN_SPEECH_S = 2.0
# In dB below full scale, and above the noise. Share of samples at full scale.
MIN_LEVEL_DB, MIN_SNR_DB, MAX_CLIPPED = -50.0, 10.0, 0.01
# Pieces of one sample that are less similar than this are of several voices.
MIN_PIECE_SIMILARITY = 0.5
# Samples that are less similar than this are of two voices. Each pair counts: the mean of the others may hold both.
MIN_SAMPLE_SIMILARITY = 0.55
# The thresholds are this far below the speaker's own pieces, within limits. Of other voices, 1 % of the pieces reach
# 0.58 (docs/explanation/decisions/0046).
MARGIN, SHORT_MARGIN = 0.1, 0.05
LIMITS, SHORT_LIMITS = (0.5, 0.65), (0.45, 0.6)
# Share of the speaker's own pieces that may be below the measured value.
LOW_PERCENTILE = 10


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a sample, or the whole enrolment, is refused: a code, and words."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class GoodSample:
    """The vectors of an accepted sample."""

    seconds: float
    whole: VoiceVector
    pieces: tuple[VoiceVector, ...]
    short: tuple[VoiceVector, ...]
    windows: tuple[VoiceVector, ...]

    @classmethod
    def of(cls, sample: VoiceSample) -> "GoodSample":
        """Raises ValueError."""
        parts = (sample.pieces, sample.short, sample.windows)
        pieces, short, windows = (tuple(map(decode_vector, some)) for some in parts)
        return cls(sample.speech_s, decode_vector(sample.embedding), pieces, short, windows)


@dataclass(slots=True)
class VoiceEnrolment:
    """The samples of a session that enrols its speaker."""

    wanted: Enrolment
    good: list[GoodSample] = field(default_factory=list)
    refused: list[EnrolmentSample] = field(default_factory=list)

    def add(self, final: FinalResult) -> EnrolmentSample:
        """Judge the sample of an utterance."""
        sample, refusal = final.sample, judge_sample(final)
        if refusal is None and sample:
            self.good.append(GoodSample.of(sample))
        judged = EnrolmentSample(
            utterance=final.utterance,
            accepted=refusal is None,
            reason=refusal.reason if refusal else "",
            message=refusal.message if refusal else "",
            start_ms=final.start_ms,
            end_ms=final.end_ms,
            speech_ms=round(1000 * sample.speech_s) if sample else 0,
            level_db=sample.level_db if sample else None,
            snr_db=sample.snr_db if sample else None,
        )
        self.refused += [] if judged.accepted else [judged]
        return judged

    def profile(self) -> VoiceProfile | Refusal:
        """The profile, or why there is none."""
        used = self.good[:MAX_SAMPLES]
        if len(used) < MIN_SAMPLES:
            return self._too_few()
        if len({sample.whole.size for sample in used}) > 1:
            return Refusal("not_measured", "workers with different models of voices measured the samples")
        similarities = [min(float(one @ other) for other in others) for one, others in _each_and_others(used)]
        lowest = min(similarities)
        if lowest < MIN_SAMPLE_SIMILARITY:
            return Refusal("several_voices", _different(similarities))
        within = window_similarity([sample.windows for sample in used])
        if within is not None and within < MIN_WINDOW_SIMILARITY:
            return Refusal("mixed_voices", _mixed(within))
        return _profile(self.wanted, used, lowest)

    def _too_few(self) -> Refusal:
        causes = [f"sample {number}: {one.message}" for number, one in enumerate(self.refused, 1)]
        text = f"{MIN_SAMPLES} good samples of speech are needed, and there are {len(self.good)}"
        return Refusal("too_few_samples", "; ".join([text, *causes[:5]]))


def judge_sample(final: FinalResult) -> Refusal | None:
    """Why this utterance cannot be a sample of a voice. None: it can."""
    sample = final.sample
    if not final.text:
        return Refusal("no_speech", "no words were recognized in it")
    if sample is None:
        return Refusal("not_measured", "no running worker measured the voice; `nova models pull campplus`")
    if sample.speech_s < MIN_SPEECH_S:
        return Refusal("too_short", f"it has {sample.speech_s:.1f} s of speech, and {MIN_SPEECH_S:g} s are needed")
    if sample.level_db < MIN_LEVEL_DB:
        return Refusal("too_quiet", f"its level is {sample.level_db:.0f} dB, and {MIN_LEVEL_DB:.0f} dB are needed")
    if sample.clipped > MAX_CLIPPED:
        return Refusal("distorted", f"{100 * sample.clipped:.0f} % of it is at full scale: lower the recording level")
    if sample.snr_db < MIN_SNR_DB:
        return Refusal("too_noisy", f"speech is {sample.snr_db:.0f} dB above noise, and {MIN_SNR_DB:.0f} dB are needed")
    return _judge_pieces(sample)


def _judge_pieces(sample: VoiceSample) -> Refusal | None:
    try:
        pieces = GoodSample.of(sample).pieces
        lowest = min((float(one @ other) for one, other in combinations(pieces, 2)), default=1.0)
    except ValueError:
        return Refusal("not_measured", "its voice cannot be read")
    if lowest < MIN_PIECE_SIMILARITY:
        return Refusal("mixed", f"it seems to contain several voices (similarity {lowest:.2f})")
    return None


def _each_and_others(samples: Sequence[GoodSample]) -> list[tuple[VoiceVector, list[VoiceVector]]]:
    wholes = [sample.whole for sample in samples]
    return [(one, [*wholes[:n], *wholes[n + 1 :]]) for n, one in enumerate(wholes)]


def _different(similarities: Sequence[float]) -> str:
    return (
        f"the samples are not of one voice: two of them have the similarity {min(similarities):.2f}, and "
        f"{MIN_SAMPLE_SIMILARITY:g} is needed"
    )


def _mixed(similarity: float) -> str:
    return (
        f"each sample seems to contain several voices: parts of it have the similarity {similarity:.2f}, and "
        f"{MIN_WINDOW_SIMILARITY:g} is needed. Record one speaker, without other people or music"
    )


def _profile(wanted: Enrolment, used: Sequence[GoodSample], lowest: float) -> VoiceProfile:
    pieces = [_own(used, n, sample.pieces) for n, sample in enumerate(used)]
    short = [_own(used, n, sample.short) for n, sample in enumerate(used)]
    return VoiceProfile(
        name=wanted.name,
        embedding=encode_vector(unit_mean([sample.whole for sample in used])),
        threshold=_threshold(pieces, MARGIN, LIMITS),
        short_threshold=_threshold(short, SHORT_MARGIN, SHORT_LIMITS),
        samples=len(used),
        seconds=round(sum(sample.seconds for sample in used), 1),
        similarity=round(lowest, 3),
        consent=wanted.consent,
    )


def _own(used: Sequence[GoodSample], number: int, pieces: Sequence[VoiceVector]) -> list[float]:
    """The similarities of a sample's pieces to the other samples."""
    others = unit_mean([sample.whole for n, sample in enumerate(used) if n != number])
    return [float(piece @ others) for piece in pieces]


def _threshold(own: Sequence[Sequence[float]], margin: float, limits: tuple[float, float]) -> float:
    """The similarity that nearly all of the speaker's own pieces reach, less a margin, within the limits."""
    similarities = [similarity for some in own for similarity in some]
    measured = float(np.percentile(similarities, LOW_PERCENTILE)) - margin if similarities else limits[0]
    return round(min(max(measured, limits[0]), limits[1]), 3)
