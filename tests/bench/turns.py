"""Measure the detection of turns: `python -m tests.bench.turns`.

Each clip is one utterance, so its end is the end of a turn, and each pause inside it is not. The gateway's detector and
segmenter find the pauses, and the model judges them as a worker does. `--answer` is the time from the pause that
requests a judgement until it arrives. Read speech has few of the hesitations that the model was trained on.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from gateway.audio.silero import Silero
from gateway.audio.vad import SpeechDetector
from gateway.session.segmenter import PauseDetected, Segmenter, SpeechResumed
from stt_worker.loading import load_turn_model
from stt_worker.recognizers.recognizer import TurnJudge
from stt_worker.settings import SttSettings
from tests.testkit import cli
from tests.testkit.audio.clips import RATE, Clip, available_clips
from tests.testkit.audio.reference import DEFAULT_RULES

# Silence after each clip, and an endpoint that is longer.
AFTER_S, NEVER_MS = 3.0, 5_000


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause, and the probability that the turn is over. `silence_ms` is infinite at the end of a clip."""

    clip: str
    probability: float
    silence_ms: float

    @property
    def is_end(self) -> bool:
        return self.silence_ms == float("inf")


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule for the end of turns: the silence after which it ends one, by the probability."""

    name: str
    end_ms: Callable[[float], float]

    def row(self, pauses: Sequence[Pause]) -> cli.Row:
        """End delays, and the share of the pauses inside utterances in which the rule ends a turn."""
        delays = [self.end_ms(pause.probability) for pause in pauses if pause.is_end]
        inside = [pause for pause in pauses if not pause.is_end]
        cut = sum(pause.silence_ms >= self.end_ms(pause.probability) for pause in inside)
        p50, p95 = np.percentile(delays, (50, 95))
        return {
            "rule": self.name,
            "end delay p50 ms": float(p50),
            "p95 ms": float(p95),
            "turns cut": f"{cut} of {len(inside)}",
            "cut %": 100 * cut / len(inside) if inside else 0.0,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """`judged_right` at the threshold, of ends and of pauses inside utterances. `auc`: area under the ROC curve."""

    clips: int
    ends: int
    ends_judged_right: int
    inside: int
    inside_judged_right: int
    auc: float
    rows: tuple[cli.Row, ...]
    wrong: tuple[str, ...] = ()


def find_pauses(clip: Clip, silero: Silero, model: TurnJudge) -> Iterator[Pause]:
    """The pauses of a clip, judged."""
    pcm = np.concatenate([clip.pcm(), np.zeros(round(AFTER_S * RATE), np.int16)])
    detector, segmenter = SpeechDetector(silero), Segmenter(DEFAULT_RULES, endpoint_ms=NEVER_MS)
    windows, scores, _ = detector.detect_speech(pcm)
    judged: float | None = None
    for window, score in zip(windows, scores, strict=True):
        silence_ms = segmenter.silence_ms
        for event in segmenter.process_windows(window[np.newaxis], score[np.newaxis]):
            if isinstance(event, PauseDetected) and (piece := segmenter.clip()):
                judged = model.probability(_samples(piece.pcm))
            elif isinstance(event, SpeechResumed) and judged is not None:
                yield Pause(clip.id, judged, silence_ms)
                judged = None
    if judged is not None:
        yield Pause(clip.id, judged, float("inf"))


def _samples(pcm: bytes) -> NDArray[np.float32]:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)


def policies(threshold: float, longest_ms: float, answer_ms: float) -> Iterator[Policy]:
    """Silence alone, and the model."""
    pause_ms = float(DEFAULT_RULES.pause_ms)
    for silence_ms in (600.0, 800.0, 1_000.0):
        yield Policy(f"silence of {silence_ms:.0f} ms", partial(_after_silence, silence_ms))
    yield Policy(
        f"model, {threshold:g}, at most {longest_ms:.0f} ms",
        lambda probability: pause_ms + answer_ms if probability >= threshold else longest_ms,
    )


def _after_silence(silence_ms: float, probability: float) -> float:
    return silence_ms


def measure(clips: Sequence[Clip], model: TurnJudge, threshold: float, longest_ms: float, answer_ms: float) -> Report:
    """Judge all pauses of the clips."""
    silero = Silero()
    pauses = [pause for clip in clips for pause in find_pauses(clip, silero, model)]
    ends = [pause.probability for pause in pauses if pause.is_end]
    inside = [pause.probability for pause in pauses if not pause.is_end]
    higher = sum(a > b for a in ends for b in inside) + sum(a == b for a in ends for b in inside) / 2
    return Report(
        len(clips),
        len(ends),
        sum(probability >= threshold for probability in ends),
        len(inside),
        sum(probability < threshold for probability in inside),
        higher / (len(ends) * len(inside)) if ends and inside else 0.0,
        tuple(policy.row(pauses) for policy in policies(threshold, longest_ms, answer_ms)),
    )


@click.command()
@click.option("--threshold", default=0.5, show_default=True, help="`turn_threshold`.")
@click.option("--longest", default=2_000.0, show_default=True, help="`turn_max_ms`.")
@click.option("--answer", default=300.0, show_default=True, help="Milliseconds until a judgement arrives.")
@cli.json_option
def main(threshold: float, longest: float, answer: float, json_file: Path | None) -> None:
    """Measure how well the ends of turns are detected, and how fast."""
    model = load_turn_model(SttSettings())
    if model is None:
        raise click.ClickException("smart-turn is not installed: run `nova models pull smart-turn`")
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        clips = [clip for clip in available_clips(Path(folder)) if clip.kind == "utt"]
        report = measure(clips, model, threshold, longest, answer)
    text = [
        f"{report.clips} clips: {report.ends_judged_right} of {report.ends} ends and {report.inside_judged_right} of "
        f"{report.inside} pauses inside utterances are judged right at {threshold:g}, AUC {report.auc:.2f}",
        cli.table(report.rows),
    ]
    cli.finish(report, "\n".join(text), json_file)


if __name__ == "__main__":
    main()
