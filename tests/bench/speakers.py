"""Measure the labels of speakers: `python -m tests.bench.speakers`.

The thresholds were chosen with one half of the speakers (`--half tune`), so the other half is reported. Conversations
are made from recorded clips at the same level: two or three speakers take turns in random order, with silence between
the turns, or so that some begin before the last one has ended. They are transcribed by sessions without servers.

Without the texts, the 24 LibriSpeech speakers of ../shared/audio/speakers are cut into sayings at quiet places.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import click
import numpy as np

from backend import models
from backend.engines.loading import Hardware
from backend.load.clips import decode
from backend.messages.protocol import Final, Start
from stt_worker.loading import load_voice_model
from stt_worker.recognizers.recognizer import Recognizer, VoiceDescriber
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings
from stt_worker.voices import stage
from stt_worker.voices.division import describe_pieces
from tests.bench.support.conversations import (
    Conversation,
    Samples,
    Saying,
    SpeakerErrors,
    converse,
    labelled_texts,
    saying,
    trimmed,
)
from tests.paths import SHARED
from tests.testkit import cli
from tests.testkit.audio.clips import RATE, shared_clips
from tests.testkit.models.offline_sessions import transcribe_all

VOICES = SHARED / "models" / "campplus_zh_en_192.onnx"
# Speakers with several clips whose clips chose the thresholds. One voice has clips in two languages: only one is used.
TUNED = frozenset({"ls533", "ls367", "ast-fr_CA_f_June", "ast-ru_RU_f_IvrvoiceRU", "sb-spk1", "az-es-ES", "az-de-DE"})
SAME_VOICE_ELSEWHERE = "ast-en_US_f_Allison"
GAPS: Mapping[str, tuple[float, float]] = {"0.1 to 1.2 s": (0.1, 1.2), "-1.0 to 0.5 s": (-1.0, 0.5)}
TURNS = 12
LENGTHS_S = (1.0, 1.5, 2.0, 3.0, 5.0)

Sayings = dict[str, list[Saying]]


@dataclass(frozen=True, slots=True)
class Report:
    """`ms_per_s`: time of one core to describe the voices in a second of audio."""

    half: str
    pairs: tuple[cli.Row, ...]
    conversations: tuple[cli.Row, ...]
    ms_per_s: float
    wrong: tuple[str, ...] = ()


def recorded(half: str) -> Sayings:
    """The sayings of the speakers of one half, with texts."""
    found: Sayings = {}
    for clip in shared_clips():
        noisy = clip.id.endswith("-noisy") or clip.kind == "bad-ref" or clip.speaker == SAME_VOICE_ELSEWHERE
        if not noisy and (clip.speaker in TUNED) == (half == "tune"):
            found.setdefault(clip.speaker, []).append(saying(clip))
    return found


def english(half: str) -> Sayings:
    """Those with English texts and several clips."""
    languages = {clip.speaker: clip.language for clip in shared_clips()}
    return {name: some for name, some in recorded(half).items() if languages[name] == "en" and len(some) > 1}


def cut(half: str) -> Sayings:
    """Half of the LibriSpeech speakers with one clip each, cut into sayings without texts."""
    files = sorted((SHARED / "audio" / "speakers").glob("*.flac"))
    chosen = files[::2] if half == "tune" else files[1::2]
    pieces = {file.stem: list(_pieces(decode(file).astype(np.float32) / np.float32(32_768))) for file in chosen}
    return {name: [Saying(name, piece, "") for piece in some] for name, some in pieces.items() if len(some) > 1}


def _pieces(samples: Samples) -> Iterator[Samples]:
    """Pieces of 2 to 5 s that end at the quietest 0.1 s."""
    size, at = RATE // 10, 0
    while len(samples) - at >= 4 * RATE:
        window = samples[at + 2 * RATE : at + 5 * RATE]
        levels = np.mean(window[: len(window) // size * size].reshape(-1, size) ** 2, axis=1)
        end = at + 2 * RATE + int(np.argmin(levels)) * size + size // 2
        yield trimmed(samples[at:end])
        at = end


def equal_errors(sayings: Sayings, seconds: float | None, model: VoiceDescriber) -> cli.Row:
    """The equal error rate of all pairs of sayings, by their length."""
    voices = [
        (name, model.embedding(_middle(one.samples, seconds)))
        for name, some in sayings.items()
        for one in some
        if seconds is None or len(one.samples) >= seconds * RATE
    ]
    pairs = [(a == b, float(x @ y)) for (a, x), (b, y) in combinations(voices, 2)]
    same = np.sort([score for is_same, score in pairs if is_same])
    other = np.sort([score for is_same, score in pairs if not is_same])
    scores = np.sort([score for _, score in pairs])
    rejected = np.searchsorted(same, scores) / len(same)
    accepted = 1 - np.searchsorted(other, scores) / len(other)
    best = int(np.argmin(np.abs(rejected - accepted)))
    return {
        "speech": "whole" if seconds is None else f"{seconds:g} s",
        "pairs of one voice": len(same),
        "of two": len(other),
        "EER %": float(50 * (rejected[best] + accepted[best])),
        "at": float(scores[best]),
    }


def _middle(samples: Samples, seconds: float | None) -> Samples:
    size = len(samples) if seconds is None else round(seconds * RATE)
    start = (len(samples) - size) // 2
    return samples[start : start + size]


def conversations(sayings: Sayings, speakers: int, gap: str, count: int, seed: int) -> list[Conversation]:
    """Conversations of speakers who are chosen at random."""
    random = np.random.default_rng([seed, speakers])
    names = sorted(sayings)
    chosen = [[names[n] for n in random.permutation(len(names))[:speakers]] for _ in range(count)]
    return [converse({name: sayings[name] for name in some}, TURNS, GAPS[gap], random) for some in chosen]


def labelled(some: Sequence[Conversation], recognizer: Recognizer, model: VoiceDescriber) -> SpeakerErrors:
    """Transcribe the conversations, and count the errors."""
    start = Start(language="en", partials=False, speakers=True)
    errors = SpeakerErrors()
    sessions = transcribe_all(recognizer, [one.pcm for one in some], [start] * len(some), voices=model)
    for conversation, session in zip(some, sessions, strict=True):
        errors.add(conversation, labelled_texts(session.events))
        errors.add_division(conversation, [event for event in session.events if isinstance(event, Final)])
    return errors


def row(name: str, speakers: int, gap: str, count: int, errors: SpeakerErrors) -> cli.Row:
    words = errors.plain.words
    return {
        "clips": name,
        "speakers": speakers,
        "gaps": gap,
        "labels": errors.labels / count,
        "DER %": errors.error_percent,
        "confused %": errors.percent(errors.confused),
        "missed %": errors.percent(errors.missed),
        "false %": errors.percent(errors.false_alarm),
        "WER %": errors.plain.percent if words else "-",
        "by speaker %": errors.attributed.percent if words else "-",
        "divided": f"{errors.several_divided} of {errors.several}",
        "wrongly": f"{errors.single_divided} of {errors.single}",
    }


def cost(sayings: Sayings, model: VoiceDescriber) -> float:
    """Milliseconds of one core per second of audio."""
    pieces = [one.samples for some in sayings.values() for one in some][:20]
    began = time.thread_time()
    for samples in pieces:
        describe_pieces(samples, model)
    return 1_000 * (time.thread_time() - began) / (sum(map(len, pieces)) / RATE)


@click.command()
@click.option("--half", type=click.Choice(["tune", "report"]), default="report", show_default=True, help="Speakers.")
@click.option("--count", default=6, show_default=True, help="Conversations of each kind.")
@cli.model_option("whisper-base")
@cli.seed_option
@cli.json_option
def main(half: str, count: int, model: str, seed: int, json_file: Path | None) -> None:
    """Measure how well voices are distinguished, and how well conversations are labelled."""
    cli.log_errors_only()
    # A busy machine takes longer, but does not label worse.
    stage.MAX_WAIT_S = 3_600.0
    setting = SttSettings(voice_model=str(VOICES)) if VOICES.exists() else SttSettings()
    voices = load_voice_model(setting)
    if voices is None:
        raise click.ClickException("campplus is not installed: run `nova models pull campplus`")
    progress, single = cli.progress(), {**recorded(half), **cut(half)}
    pairs = [equal_errors(recorded(half), seconds, voices) for seconds in (*LENGTHS_S, None)]
    recognizer = FasterWhisper(models.fetch(model), model=model, hardware=Hardware("cpu"))
    rows = list[cli.Row]()
    sources: Mapping[str, Callable[[str], Sayings]] = {"with texts": english, "cut": cut}
    for name, source in sources.items():
        for speakers in (2, 3):
            for gap in GAPS:
                some = conversations(source(half), speakers, gap, count, seed)
                rows.append(row(name, speakers, gap, count, labelled(some, recognizer, voices)))
                progress(str(rows[-1]))
    report = Report(half, tuple(pairs), tuple(rows), cost(single, voices))
    text = [cli.table(pairs), "", cli.table(rows), "", f"{report.ms_per_s:.1f} ms of one core per second of audio"]
    cli.finish(report, "\n".join(text), json_file)


if __name__ == "__main__":
    main()
