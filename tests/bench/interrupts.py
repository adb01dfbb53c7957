"""Measure interruptions: `python -m tests.bench.interrupts`.

The session has received an utterance of its user, and then plays an answer. Latency: the user speaks another utterance,
from the first window of speech until the interruption. False interruptions: instead, the microphone records 10 s of
noise, music, or another voice, as an echo of the answer would be, at several levels below the user's.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from backend.load.score import Spread
from backend.messages.protocol import Start
from gateway.audio.barge_in import BargeIn
from gateway.audio.running_gain import levels_db
from gateway.audio.silero import Silero
from gateway.audio.vad import SpeechDetector
from gateway.session.segmenter import Rules
from tests.paths import SHARED
from tests.testkit import cli
from tests.testkit.audio.clips import RATE, Clip, available_clips, decode

WINDOW_MS = 32
PIECE_S = 10.0
PAUSE = np.zeros(RATE, np.int16)
LEVELS_DB = (0, -10, -20, -30)


@dataclass(frozen=True, slots=True)
class Report:
    """`latency_ms` of interruptions, and false ones per hour."""

    interrupt_ms: int
    users: int
    missed: int
    latency_ms: Spread | None
    rows: tuple[cli.Row, ...]
    wrong: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """A session that has received speech of its user."""

    silero: Silero
    interrupt_ms: int

    def interrupted_at(self, user: NDArray[np.int16], heard: NDArray[np.int16]) -> int | None:
        """The window of `heard` in which an answer is interrupted, after an utterance of the user."""
        detector, barge_in = SpeechDetector(self.silero), BargeIn()
        # The level is learned after the first answer.
        barge_in.apply_options(Start(responding=True, interrupt_ms=self.interrupt_ms))
        barge_in.apply_options(Start(interrupt_ms=self.interrupt_ms))
        barge_in.process_windows(*detector.detect_speech(np.concatenate([user, PAUSE]))[:2])
        barge_in.apply_options(Start(responding=True, interrupt_ms=self.interrupt_ms))
        windows, probabilities, _ = detector.detect_speech(heard)
        for i in range(len(windows)):
            if barge_in.process_windows(windows[i : i + 1], probabilities[i : i + 1]) is not None:
                return i
        return None


def loudness(samples: NDArray[np.int16]) -> float:
    """The level of the loud quarter, in dB of full scale."""
    levels = levels_db(samples[: len(samples) // 512 * 512].reshape(-1, 512))
    return float(np.percentile(levels, 75))


def scaled(samples: NDArray[np.int16], level_db: float) -> NDArray[np.int16]:
    """The samples at this level. They are limited, not wrapped."""
    factor = 10 ** ((level_db - loudness(samples)) / 20)
    limited: NDArray[np.int16] = np.clip(np.rint(samples * factor), -32_768, 32_767).astype(np.int16)
    return limited


def pieces(sounds: Sequence[NDArray[np.int16]]) -> Iterator[NDArray[np.int16]]:
    """Pieces of 10 s."""
    length = round(PIECE_S * RATE)
    whole = np.concatenate(sounds)
    for start in range(0, len(whole) - length + 1, length):
        yield whole[start : start + length]


def latencies(session: Session, users: Sequence[Clip]) -> Iterator[float | None]:
    """Milliseconds from the first window that the detector calls speech; None: no interruption."""
    for clip, after in zip(users, [*users[1:], users[0]], strict=True):
        heard = np.concatenate([PAUSE, scaled(after.pcm(), loudness(clip.pcm())), PAUSE])
        at = session.interrupted_at(clip.pcm(), heard)
        probabilities = SpeechDetector(session.silero).detect_speech(heard).probabilities
        first = int(np.argmax(probabilities >= Rules().start))
        yield None if at is None else float((at + 1 - first) * WINDOW_MS)


def false_row(session: Session, name: str, users: Sequence[Clip], sounds: Sequence[NDArray[np.int16]]) -> cli.Row:
    """False interruptions per hour at each level below the user's."""
    cut = list(pieces(sounds))
    row: dict[str, str | float] = {"sound": name, "minutes": len(cut) * PIECE_S / 60}
    for level_db in LEVELS_DB:
        found = 0
        for number, piece in enumerate(cut):
            user = users[number % len(users)].pcm()
            found += session.interrupted_at(user, scaled(piece, loudness(user) + level_db)) is not None
        row[f"{level_db} dB, per hour"] = found * 3600 / (len(cut) * PIECE_S)
    return row


@click.command()
@click.option("--interrupt-ms", default=300, show_default=True, help="Speech that counts as an interruption.")
@cli.json_option
def main(interrupt_ms: int, json_file: Path | None) -> None:
    """Measure the latency of interruptions, and false ones."""
    session = Session(Silero(), interrupt_ms)
    with tempfile.TemporaryDirectory(prefix="nova-") as folder:
        clips = [clip for clip in available_clips(Path(folder)) if clip.kind == "utt" and clip.language == "en"]
        found = list(latencies(session, clips))
        half = len(clips) // 2
        rows = [false_row(session, "another voice", clips[:half], [clip.pcm() for clip in clips[half:]])]
    files = sorted((SHARED / "audio" / "noise").glob("*.flac"))
    for kind in ("music", "noise") if files else ():
        sounds = [decode(file) for file in files if file.stem.startswith("music") == (kind == "music")]
        rows.append(false_row(session, kind, clips[:half], sounds))
    spread = Spread.of([value for value in found if value is not None])
    report = Report(interrupt_ms, len(found), found.count(None), spread, tuple(rows))
    text = f"{report.users} interruptions, {report.missed} missed: {cli.spread(spread, 'ms')}"
    cli.finish(report, f"{text}\n\nFalse interruptions, by level relative to the user:\n{cli.table(rows)}", json_file)


if __name__ == "__main__":
    main()
