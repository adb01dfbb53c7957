"""Enrolments that contain two voices, and whether they are refused: `python -m tests.bench.mixed_voices`.

Each of the three samples of an enrolment has both voices. Half of the speakers choose the limit of
gateway/speakers/consistency.py, and the other half is reported. Speech is not recognized: every sample is an utterance.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np

from backend.audio.voice_vectors import decode_vector
from backend.messages.jobs import FinalResult
from backend.messages.protocol import Enrolment
from backend.messages.voices.profiles import VoiceProfile, VoiceSample
from gateway.speakers.consistency import MIN_WINDOW_SIMILARITY, window_similarity
from gateway.speakers.enrolment import VoiceEnrolment
from stt_worker.recognizers.recognizer import VoiceDescriber
from stt_worker.voices.samples import measure_sample
from stt_worker.voices.voice_model import VoiceModel
from tests.bench.support.conversations import Samples, saying, trimmed
from tests.bench.support.mixed_samples import MIXES, SAMPLE_S, SAMPLES, Mix, mixed_enrolment, pairs, single_enrolments
from tests.paths import SHARED
from tests.testkit import cli
from tests.testkit.audio.clips import RATE, decode, shared_clips

MODEL = SHARED / "models" / "campplus_zh_en_192.onnx"
ONE_VOICE = "one voice"
# Speech of a speaker with one clip that is enough for three samples.
MIN_SINGLE_S = 9.0
# Enrolments of one speaker.
MAX_SINGLES = 4


@dataclass(frozen=True, slots=True)
class MeasuredEnrolment:
    """The samples of an enrolment as a worker measures them. `kind`: one voice, or a mix."""

    kind: str
    samples: tuple[VoiceSample, ...]

    @property
    def similarity(self) -> float | None:
        """The value that the limit applies to."""
        return window_similarity([[decode_vector(one) for one in sample.windows] for sample in self.samples])

    def is_refused(self, *, with_windows: bool = True) -> bool:
        """Whether the enrolment is refused. Without windows: as before they were compared."""
        enrolment = VoiceEnrolment(Enrolment(name="Anna", consent=True))
        for number, sample in enumerate(self.samples, 1):
            used = sample if with_windows else sample.model_copy(update={"windows": ()})
            enrolment.add(_final(number, used))
        return not isinstance(enrolment.profile(), VoiceProfile)


def _final(number: int, sample: VoiceSample) -> FinalResult:
    times = {"start_ms": 0, "end_ms": 1_000 * SAMPLE_S}
    return FinalResult(utterance=number, text="words", language="en", confidence=1.0, sample=sample, **times)


def speech_by_speaker() -> dict[str, Samples]:
    """All speech of each speaker of the development clips."""
    clips: dict[str, list[Samples]] = {}
    for clip in shared_clips():
        clips.setdefault(clip.speaker, []).append(saying(clip).samples)
    return {speaker: np.concatenate(parts) for speaker, parts in clips.items() if speaker}


def more_speakers() -> dict[str, Samples]:
    """Speakers with one clip."""
    files = sorted((SHARED / "audio" / "speakers").glob("*.flac"))
    return {file.stem: trimmed(decode(file, RATE).astype(np.float32) / np.float32(32_768)) for file in files}


def enough_s(speech: Mapping[str, Samples], seconds: float) -> list[str]:
    """Speakers with at least this many seconds of speech."""
    return sorted(name for name, samples in speech.items() if len(samples) >= seconds * RATE)


def enrolments(half: int, mixes: int) -> list[tuple[str, list[Samples]]]:
    """The enrolments of one half of the speakers: their kinds and samples."""
    speech, others = speech_by_speaker(), more_speakers()
    mixed = enough_s(speech, SAMPLES * SAMPLE_S)[half::2]
    of_kind = [(kind, mix, pair) for kind, mix in MIXES.items() for pair in pairs(mixed, mixes)]
    made = [(kind, _mixed(speech, pair, mix)) for kind, mix, pair in of_kind]
    singles = [speech[name] for name in mixed] + [others[name] for name in enough_s(others, MIN_SINGLE_S)[half::2]]
    return made + [(ONE_VOICE, samples) for voice in singles for samples in single_enrolments(voice, MAX_SINGLES)]


def _mixed(speech: Mapping[str, Samples], pair: tuple[str, str], mix: Mix) -> list[Samples]:
    return mixed_enrolment(speech[pair[0]], speech[pair[1]], mix)


def measured(model: VoiceDescriber, one: tuple[str, Sequence[Samples]]) -> MeasuredEnrolment:
    """Describe the voices of an enrolment, as a worker does."""
    kind, samples = one
    found = [measure_sample(sample, model) for sample in samples]
    return MeasuredEnrolment(kind, tuple(sample for sample in found if sample))


def chosen_limit(found: Sequence[MeasuredEnrolment]) -> float:
    """The second lowest similarity of one voice: as a limit, it refuses one of these enrolments."""
    return sorted(one.similarity or 1.0 for one in found if one.kind == ONE_VOICE)[1]


def table_of(found: Sequence[MeasuredEnrolment]) -> list[cli.Row]:
    """How many enrolments of each kind are refused, before and with the comparison of windows."""
    kinds = [*MIXES, ONE_VOICE]
    return [_row(kind, [one for one in found if one.kind == kind]) for kind in kinds]


def _row(kind: str, found: Sequence[MeasuredEnrolment]) -> cli.Row:
    similarities = sorted(one.similarity or 1.0 for one in found)
    return {
        "samples": kind,
        "enrolments": len(found),
        "refused before": sum(one.is_refused(with_windows=False) for one in found),
        "refused": sum(one.is_refused() for one in found),
        "lowest similarity": similarities[0],
        "median": similarities[len(similarities) // 2],
        "highest": similarities[-1],
    }


@click.command()
@click.option("--mixes", default=16, show_default=True, help="Enrolments of each kind and half.")
@click.option("--threads", default=2, show_default=True, help="Enrolments that are described at once.")
@cli.json_option
def main(mixes: int, threads: int, json_file: Path | None) -> None:
    """Measure which enrolments with two voices are refused, and which with one voice."""
    if not MODEL.exists():
        raise click.ClickException(f"the model of voices is missing: {MODEL}")
    progress, describe = cli.progress(), partial(measured, VoiceModel(MODEL))
    halves = []
    with ThreadPoolExecutor(threads) as pool:
        for half in (0, 1):
            halves.append(list(pool.map(describe, enrolments(half, mixes))))
            progress(f"half {half + 1} of 2 is described")
    report = Report(chosen_limit(halves[0]), *(tuple(table_of(half)) for half in halves))
    limits = f"Second lowest similarity of one voice, first half: {report.limit:.3f}; limit: {MIN_WINDOW_SIMILARITY}"
    text = "\n".join([limits, "", cli.table(report.chosen_with), "", "The other half:", cli.table(report.reported)])
    cli.finish(report, text, json_file)


@dataclass(frozen=True, slots=True)
class Report:
    """`limit`: the second lowest similarity of one voice in the half that chooses it."""

    limit: float
    chosen_with: tuple[cli.Row, ...]
    reported: tuple[cli.Row, ...]

    @property
    def wrong(self) -> tuple[str, ...]:
        """Kinds whose mixes are refused less often than before."""
        return tuple(str(row["samples"]) for row in self.reported if row["refused"] < row["refused before"])  # type: ignore[operator]


if __name__ == "__main__":
    main()
