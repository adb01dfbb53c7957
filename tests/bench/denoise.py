"""Errors with and without noise reduction: `python -m tests.bench.denoise`.

Clips of readers (LibriSpeech) are mixed with noise and with music. Each mix is one utterance, recognized as it is and
with `denoise`. The two halves have different speakers and different noise: `--half tune` chooses the share of the audio
that is kept and the threshold of "auto", and the other half measures them. Then noise without speech is recognized,
which must give no text.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import click
import numpy as np
from numpy.typing import NDArray

from backend import models
from backend.engines.loading import Hardware
from backend.messages.options import Denoise
from backend.messages.protocol import Start
from backend.text.edits import WordErrors
from stt_worker.loading import load_denoiser
from stt_worker.noise.stage import KEPT, NOISY_DB, mix
from stt_worker.recognizers.recognizer import Denoiser
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings
from stt_worker.voices.speech_level import measure_level
from stt_worker.worker import SttWorker
from tests.bench.support.worker_texts import english_entry, in_float, in_pcm, texts
from tests.paths import SHARED
from tests.testkit import cli
from tests.testkit.audio.clips import RATE, Clip, decode, shared_clips
from tests.testkit.models.offline_sessions import transcribe_all

Samples = NDArray[np.float32]
Half = Literal["tune", "report"]

MODEL = SHARED / "models" / "gtcrn_simple.onnx"
NOISE = SHARED / "audio" / "noise"
SPEAKERS: dict[Half, tuple[str, ...]] = {"tune": ("ls2609", "ls533"), "report": ("ls2033", "ls367")}
# Level of the speech above the noise, in dB.
LEVELS_DB = (0.0, 5.0, 10.0, 20.0)
# To choose from: thresholds of "auto", which all reduce some noise, and shares of the audio that are kept.
THRESHOLDS_DB = (6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 100.0)
SHARES = (0.5, 0.25, 0.0)


@dataclass(slots=True)
class Mix:
    """An utterance, and its text without (1.0) and with noise reduction, by the share of the audio that is kept."""

    kind: str
    level_db: float | None
    reference: str
    samples: Samples
    texts: dict[float, str] = field(default_factory=dict)

    @property
    def snr_db(self) -> float:
        """The estimate of the worker."""
        level = measure_level(self.samples)
        return level.snr_db if level else 0.0

    def text(self, threshold_db: float, kept: float) -> str:
        """The text with "auto" and this threshold."""
        return self.texts[kept if self.snr_db < threshold_db else 1.0]


def clips_of(half: Half, count: int) -> list[Clip]:
    """The same number of clips of each speaker."""
    each = count // len(SPEAKERS[half])
    return [clip for name in SPEAKERS[half] for clip in [one for one in shared_clips() if one.speaker == name][:each]]


def sounds_of(kind: str, half: Half) -> list[Samples]:
    """Every second recording of noise or music, other ones for each half, without silence."""
    files = [file for file in sorted(NOISE.glob("*.flac")) if "silence" not in file.stem]
    chosen = [file for file in files if file.stem.startswith("music") == (kind == "music")]
    return [in_float(decode(file)) for file in chosen[half == "report" :: 2]]


def mixed(speech: Samples, noise: Samples, level_db: float) -> Samples:
    """The speech with noise of the same length, this much below it, quieter together if they would be clipped."""
    factor = np.sqrt(np.mean(speech**2) / max(float(np.mean(noise**2)), 1e-9)) * 10 ** (-level_db / 20)
    both: Samples = speech + noise * np.float32(factor)
    limited: Samples = both / np.float32(max(1.0, float(np.abs(both).max())))
    return limited


def mixes(half: Half, count: int, levels: Sequence[float], random: np.random.Generator) -> Iterator[Mix]:
    """The clean clips, and each with noise and with music at each level."""
    for number, clip in enumerate(clips_of(half, count)):
        speech = in_float(clip.pcm())
        yield Mix("none", None, clip.text, speech)
        for kind in ("noise", "music"):
            sounds = sounds_of(kind, half)
            sound = sounds[number % len(sounds)]
            noise = np.resize(np.roll(sound, -int(random.integers(len(sound)))), len(speech))
            for level in levels:
                yield Mix(kind, level, clip.text, mixed(speech, noise, level))


def recognize(worker: SttWorker, utterances: Sequence[Samples], denoise: Denoise) -> Iterator[str]:
    """The text of each utterance."""
    return texts(worker, [english_entry(in_pcm(one), denoise=denoise) for one in utterances])


def errors(some: Sequence[Mix], threshold_db: float, kept: float = KEPT) -> WordErrors:
    """Those of "auto" with this threshold."""
    counted = WordErrors()
    for one in some:
        counted.add(one.reference, one.text(threshold_db, kept))
    return counted


def rows(some: Sequence[Mix]) -> Iterator[cli.Row]:
    """The error rates at each level."""
    for kind, level in dict.fromkeys((one.kind, one.level_db) for one in some):
        chosen = [one for one in some if (one.kind, one.level_db) == (kind, level)]
        off, on, auto = (errors(chosen, threshold) for threshold in (-1e9, 1e9, NOISY_DB))
        yield {
            "noise": kind,
            "speech above it dB": "-" if level is None else f"{level:g}",
            "clips": len(chosen),
            "words": off.words,
            "off WER %": off.percent,
            "on WER %": on.percent,
            "auto WER %": auto.percent,
            "reduced by auto": sum(one.snr_db < NOISY_DB for one in chosen),
            "estimate dB": float(np.median([one.snr_db for one in chosen])),
        }


def choices(some: Sequence[Mix]) -> Iterator[cli.Row]:
    """The error rates with each share and threshold, of all mixes and by level."""
    levels = dict.fromkeys(one.level_db for one in some)
    for kept, threshold in [(SHARES[0], -1e9), *((share, limit) for share in SHARES for limit in THRESHOLDS_DB)]:
        by_level = {level: [one for one in some if one.level_db == level] for level in levels}
        yield {
            "kept": "all" if threshold < 0 else f"{kept:g}",
            "threshold dB": "-" if threshold < 0 else f"{threshold:g}",
            "reduced": f"{sum(one.snr_db < threshold for one in some)} of {len(some)}",
            "WER %": errors(some, threshold, kept).percent,
            **{
                "clean" if level is None else f"{level:g} dB": errors(chosen, threshold, kept).percent
                for level, chosen in by_level.items()
            },
        }


def phantoms(worker: SttWorker, recognizer: FasterWhisper, denoiser: Denoiser, limit: int) -> Iterator[cli.Row]:
    """Words where there is no speech: in sessions, and if a job contains noise alone."""
    sounds = [in_float(decode(file)) for file in sorted(NOISE.glob("*.flac"))[:limit]]
    pieces = [sound[: 15 * RATE] for sound in sounds]
    modes: tuple[Denoise, ...] = ("off", "on")
    for denoise in modes:
        starts = [Start(language="en", partials=False, denoise=denoise)] * len(sounds)
        sessions = transcribe_all(recognizer, [in_pcm(sound) for sound in sounds], starts, denoiser=denoiser)
        direct = list(recognize(worker, pieces, denoise))
        yield {
            "denoise": denoise,
            "recordings": len(sounds),
            "seconds": sum(map(len, sounds)) / RATE,
            "words in sessions": sum(len(session.text.split()) for session in sessions),
            "words without speech detection": sum(len(text.split()) for text in direct),
        }


def cost(denoiser: Denoiser, some: Sequence[Mix]) -> float:
    """Milliseconds of one core per second of audio."""
    pieces = [one.samples for one in some[:20]]
    began = time.thread_time()
    for samples in pieces:
        denoiser.denoise(samples)
    return 1_000 * (time.thread_time() - began) / (sum(map(len, pieces)) / RATE)


@dataclass(frozen=True, slots=True)
class Report:
    """The tables. `wrong`: sessions that have text of noise."""

    half: Half
    rows: tuple[cli.Row, ...]
    phantoms: tuple[cli.Row, ...] = ()
    ms_per_s: float = 0.0
    wrong: tuple[str, ...] = ()


def recognize_all(some: Sequence[Mix], worker: SttWorker, denoiser: Denoiser, half: Half) -> None:
    """Fill in the texts: in the half that chooses with every share, in the other one as the worker reduces noise."""
    shares = (1.0, *SHARES) if half == "tune" else (1.0, KEPT)
    for kept in shares:
        is_chosen = half == "tune" and kept < 1
        audio = [mix(one.samples, denoiser.denoise(one.samples), kept) if is_chosen else one.samples for one in some]
        texts = recognize(worker, audio, "on" if half == "report" and kept < 1 else "off")
        for one, text in zip(some, texts, strict=True):
            one.texts[kept] = text


@click.command()
@click.option("--half", type=click.Choice(get_args(Half)), default="report", show_default=True, help="Speakers.")
@click.option("--clips", default=20, show_default=True, help="Clips, the same number of each speaker.")
@click.option("--level", "levels", multiple=True, type=float, default=LEVELS_DB, show_default=True, help="In dB.")
@click.option("--sounds", default=100, show_default=True, help="Recordings without speech, at most.")
@cli.model_option("whisper-base")
@cli.seed_option
@cli.json_option
def main(
    half: Half, clips: int, levels: tuple[float, ...], sounds: int, model: str, seed: int, json_file: Path | None
) -> None:
    """Measure what noise reduction does to the text."""
    cli.log_errors_only()
    denoiser = load_denoiser(SttSettings(denoise_model=str(MODEL)) if MODEL.exists() else SttSettings())
    if denoiser is None:
        raise click.ClickException("gtcrn is not installed: run `nova models pull gtcrn`")
    recognizer = FasterWhisper(models.fetch(model), model=model, hardware=Hardware("cpu"))
    worker = SttWorker(recognizer, SttSettings(), denoiser=denoiser)
    some = list(mixes(half, clips, levels, np.random.default_rng(seed)))
    recognize_all(some, worker, denoiser, half)
    if half == "tune":
        table = tuple(choices(some))
        cli.finish(Report(half, table), cli.table(table), json_file)
    table, without = tuple(rows(some)), tuple(phantoms(worker, recognizer, denoiser, sounds))
    wrong = tuple(f"{row['words in sessions']} words in noise" for row in without if row["words in sessions"])
    report = Report(half, table, without, cost(denoiser, some), wrong)
    found = f"{report.ms_per_s:.1f} ms of one core per second of audio"
    cli.finish(report, "\n".join([cli.table(table), "", cli.table(without), "", found]), json_file)


if __name__ == "__main__":
    main()
