"""Compare policies for partials: how much they show and commit, how soon, and how often they take text back.

`python -m tests.bench.stability`. Clips grow step by step and are decoded at each step, as the worker decodes previews.
Then each policy is replayed on the same decodes. Lags are seconds of audio; a live session adds decoding time.
"""

import hashlib
import shelve
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from backend.text.edits import WordErrors
from backend.text.normalize import letters
from backend.text.writing_systems import split_words
from stt_worker.loading import load_recognizer
from stt_worker.recognizers.recognizer import Hypothesis, Recognizer, Speech
from stt_worker.settings import SttSettings
from stt_worker.stability import CaptionState, StabilityPolicy
from tests.testkit import cli
from tests.testkit.audio.clips import RATE, Clip, shared_clips
from tests.testkit.models.preview_replay import CaptionCounts, next_state

MAX_SECONDS = 25  # the gateway cuts longer utterances
DEFAULT = StabilityPolicy()
EAGER = StabilityPolicy(shown_seconds=0, shown_probability=0, once_probability=0, edge_seconds=0)
# Each policy changes one thing of the default.
POLICIES = {
    "default": DEFAULT,
    "plain: all shown, agreement commits": replace(EAGER, committed_seconds=0.4, committed_probability=0),
    "shown: all": EAGER,
    "shown: on agreement": replace(
        DEFAULT, shown_seconds=0.9, shown_probability=0, once_probability=2, opening_words=0
    ),
    "shown: after 0.9 s": replace(DEFAULT, shown_seconds=0.9),
    "shown: from probability 0.4": replace(DEFAULT, shown_probability=0.4),
    "shown: from probability 0.5": replace(DEFAULT, shown_probability=0.5),
    "shown: at once from 0.7": replace(DEFAULT, once_probability=0.7),
    "shown: 0.5 s from the edge": replace(DEFAULT, edge_seconds=0.5),
    "shown: the first word as all others": replace(DEFAULT, opening_words=0),
    "committed: on agreement": replace(DEFAULT, committed_seconds=0.4, committed_probability=0),
    "committed: after 0.9 s": replace(DEFAULT, committed_seconds=0.9),
    "committed: after 2.9 s": replace(DEFAULT, committed_seconds=2.9),
    "committed: from probability 0.4": replace(DEFAULT, committed_probability=0.4),
    "committed: from probability 0.6": replace(DEFAULT, committed_probability=0.6),
}


@dataclass(slots=True)
class CachedRecognizer:
    """A recognizer that decodes the same audio once. `known` keeps the hypotheses."""

    load: Callable[[], Recognizer]
    known: MutableMapping[str, Hypothesis]
    recognizer: Recognizer | None = None

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        keys = [_key(speech) for speech in batch]
        fresh = [i for i, key in enumerate(keys) if key not in self.known]
        for some in (fresh[i : i + 8] for i in range(0, len(fresh), 8)):
            self.recognizer = self.recognizer or self.load()
            decoded = self.recognizer.recognize([batch[i] for i in some])
            self.known.update((keys[i], hypothesis) for i, hypothesis in zip(some, decoded, strict=True))
        return [self.known[key] for key in keys]


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clip, with the decodes of its beginnings and of the whole."""

    clip: Clip
    samples: NDArray[np.float32]
    previews: tuple[tuple[float, Hypothesis], ...]  # seconds of audio, and their decode
    final: Hypothesis


@dataclass(slots=True)
class PolicyResult:
    """Shown and committed words of many utterances under a policy. Lags are seconds after the end of a word."""

    counts: CaptionCounts = field(default_factory=CaptionCounts)
    shown: int = 0
    erased_as_spelled: int = 0
    firsts: list[float] = field(default_factory=list)
    shown_lags: list[float] = field(default_factory=list)
    committed_lags: list[float] = field(default_factory=list)

    def add(self, utterance: Utterance, policy: StabilityPolicy) -> str:
        """Replay one utterance. Returns the text that was committed in the end."""
        final = utterance.final.text
        ends = [word.end for word in utterance.final.words if letters(word.text)]
        state, captions, shown, committed = CaptionState("", "", ()), [], 0, 0
        for seconds, decoded in utterance.previews:
            state = next_state(state, decoded, seconds, policy)
            captions.append(state.committed + state.tentative)
            if captions[-1] and not any(captions[:-1]) and utterance.final.words:
                self.firsts.append(seconds - utterance.final.words[0].start)
            shown = _add_lags(self.shown_lags, ends, shown, len(split_words(captions[-1])), seconds)
            committed = _add_lags(self.committed_lags, ends, committed, len(split_words(state.committed)), seconds)
        self.counts.add(captions, state.committed, final)
        self.shown += shown
        self.erased_as_spelled += sum(map(_erased_as_spelled, captions, [*captions[1:], final]))
        return state.committed

    def row(self) -> dict[str, float]:
        """Values by their column in the table."""
        counts = self.counts
        return {
            "shown %": 100 * self.shown / counts.final_words,
            "first s": float(np.median(self.firsts or [np.nan])),
            "lag s": float(np.median(self.shown_lags or [np.nan])),
            "erasure": counts.erasure,
            "as spelled": self.erased_as_spelled / counts.final_words,
            "committed %": counts.committed_percent,
            "its lag s": float(np.median(self.committed_lags or [np.nan])),
            "contradicted %": counts.contradicted_percent,
        }


def _add_lags(lags: list[float], ends: list[float], before: int, words: int, seconds: float) -> int:
    """Add the lag of each word that appears for the first time. Returns how many words have appeared."""
    after = max(before, min(words, len(ends)))
    lags += [seconds - end for end in ends[before:after]]
    return after


def _erased_as_spelled(before: str, after: str) -> int:
    old, new = before.split(), after.split()
    return len(old) - next(
        (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )


def _key(speech: Speech) -> str:
    options = repr((speech.language, speech.prefix, speech.beam_size, speech.words, speech.final))
    return hashlib.sha256(speech.samples.tobytes() + options.encode()).hexdigest()[:24]


def decode_clips(recognizer: CachedRecognizer, clips: Sequence[Clip], step: float) -> list[Utterance]:
    """Decode every clip of one utterance after each `step` seconds, and as a whole."""
    sounds = [(clip, clip.pcm().astype(np.float32) / np.float32(32_768)) for clip in clips]
    sounds = [(clip, samples) for clip, samples in sounds if len(samples) <= MAX_SECONDS * RATE]
    growing: list[list[tuple[float, Hypothesis]]] = [[] for _ in sounds]
    stride = round(step * RATE)
    for length in range(stride, max(len(samples) for _, samples in sounds), stride):
        some = [i for i, (_, samples) in enumerate(sounds) if len(samples) > length]
        previews = [Speech(sounds[i][1][:length], "en", words=True, final=False) for i in some]
        for i, decoded in zip(some, recognizer.recognize(previews), strict=True):
            growing[i].append((length / RATE, decoded))
    finals = recognizer.recognize([Speech(samples, "en", beam_size=5, words=True) for _, samples in sounds])
    return [Utterance(*sound, tuple(g), f) for sound, g, f in zip(sounds, growing, finals, strict=True)]


def error_percent(recognizer: CachedRecognizer, utterances: Sequence[Utterance], policy: StabilityPolicy) -> float:
    """Word error rate in percent of finals that must begin with the committed text."""
    committed = [PolicyResult().add(utterance, policy) for utterance in utterances]
    constrained = [i for i, text in enumerate(committed) if text]
    again = recognizer.recognize(
        [Speech(utterances[i].samples, "en", prefix=committed[i], beam_size=5, words=True) for i in constrained]
    )
    texts = [utterance.final.text for utterance in utterances]
    for i, decoded in zip(constrained, again, strict=True):
        texts[i] = decoded.text
    errors = WordErrors()
    for utterance, text in zip(utterances, texts, strict=True):
        errors.add(utterance.clip.text, text)
    return errors.percent


def halves(utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[Utterance]]:
    """Split by speaker. The default policy was chosen on the first half."""
    speakers = sorted({_speaker(utterance) for utterance in utterances})
    first, second = ([u for u in utterances if speakers.index(_speaker(u)) % 2 == half] for half in (0, 1))
    return first, second


def _speaker(utterance: Utterance) -> str:
    return "-".join(utterance.clip.id.split("-")[:2])


@click.command()
@cli.model_option("whisper-base")
@click.option("--step", "steps", type=float, multiple=True, default=(1.0, 0.5), help="Seconds between decodes.")
@cli.threads_option
@click.option("--cache", type=cli.FILE, help="File that keeps the decodes of this model.")
@cli.json_option
def main(model: str, steps: tuple[float, ...], threads: int, cache: Path | None, json_file: Path | None) -> None:
    """Replay every policy on the English clips of ../shared, and print a table."""
    settings = SttSettings(model=model, device="cpu", threads=threads)
    with _decodes(cache) as known:
        curves = _curves(CachedRecognizer(lambda: load_recognizer(settings), known), steps)
    cli.write_json(json_file, options={"model": model, "threads": threads}, policy=asdict(DEFAULT), curves=curves)


@contextmanager
def _decodes(cache: Path | None) -> Iterator[MutableMapping[str, Hypothesis]]:
    """The decodes that the file keeps, or those of this process."""
    if cache is None:
        yield {}
    else:
        with shelve.open(cache) as kept:
            yield kept


def _curves(recognizer: CachedRecognizer, steps: Sequence[float]) -> dict[str, dict[str, dict[str, float]]]:
    """The rows of all policies by step, which are printed as well."""
    clips = [clip for clip in shared_clips() if clip.language == "en" and clip.kind in {"utt", "para"}]
    curves: dict[str, dict[str, dict[str, float]]] = {}
    for step in steps:
        utterances = decode_clips(recognizer, clips, step)
        first, second = halves(utterances)
        rows = {name: _row(utterances, policy) for name, policy in POLICIES.items()}
        rows |= {"default, first half": _row(first, DEFAULT), "default, second half": _row(second, DEFAULT)}
        click.echo(f"\n{len(utterances)} clips, a decode every {step} s\n")
        click.echo(cli.table([{"policy": name, **row} for name, row in rows.items()]))
        curves[str(step)] = rows
        for name in ("default", "committed: on agreement"):
            percent = error_percent(recognizer, utterances, POLICIES[name])
            click.echo(f"word error rate of stable finals, {name}: {percent:.2f} %")
        errors = WordErrors()
        for utterance in utterances:
            errors.add(utterance.clip.text, utterance.final.text)
        click.echo(f"word error rate of unconstrained finals: {errors.percent:.2f} %")
    return curves


def _row(utterances: Sequence[Utterance], policy: StabilityPolicy) -> dict[str, float]:
    result = PolicyResult()
    for utterance in utterances:
        result.add(utterance, policy)
    return result.row()


if __name__ == "__main__":
    main()
