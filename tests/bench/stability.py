"""What rule shows and promises how much, how soon, and how often in vain: `python -m tests.bench.stability`.

Clips grow step by step and are decoded at each, as the worker decodes previews; then every rule is replayed on the same
decodes. So lags are seconds of audio, to which a live session adds the time of decoding.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from backend.text.edits import WordErrors, contradicted, erased
from backend.text.normalize import letters
from backend.text.scripts import split_words
from stt_worker.loading import load_recognizer
from stt_worker.recognizers.recognizer import Hypothesis, Recognizer, Speech
from stt_worker.settings import SttSettings
from stt_worker.stability import CaptionState, StabilityPolicy
from tests.bench.support import results
from tests.testkit.audio.clips import RATE, Clip, shared_clips
from tests.testkit.models.preview_replay import grown

LONGEST_SECONDS = 25
"""The gateway cuts longer utterances."""
DEFAULT = StabilityPolicy()
EAGER = StabilityPolicy(shown_seconds=0, shown_probability=0, once_probability=0, edge_seconds=0)
RULES = {
    "default": DEFAULT,
    "plain: all shown, agreement commits": replace(EAGER, committed_seconds=0.4, committed_probability=0),
    "shown: all": EAGER,
    "shown: on agreement": replace(DEFAULT, shown_probability=0, once_probability=2, opening_words=0),
    "shown: from probability 0.3": replace(DEFAULT, shown_probability=0.3),
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
"""From the default, one thing changed at a time."""
HEARD = TypeAdapter(dict[str, Hypothesis])


@dataclass(slots=True)
class Recorded:
    """A recognizer that hears the same audio once: answers are kept in a file, if there is one."""

    load: Callable[[], Recognizer]
    path: Path | None
    known: dict[str, Hypothesis] = field(default_factory=dict)
    recognizer: Recognizer | None = None

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        """One hypothesis for each, in order."""
        if self.path and self.path.exists() and not self.known:
            for line in self.path.read_bytes().splitlines():
                self.known |= HEARD.validate_json(line)
        keys = [_key(speech) for speech in batch]
        fresh = [i for i, key in enumerate(keys) if key not in self.known]
        for some in (fresh[i : i + 8] for i in range(0, len(fresh), 8)):
            self.recognizer = self.recognizer or self.load()
            heard = self.recognizer.recognize([batch[i] for i in some])
            new = {keys[i]: hypothesis for i, hypothesis in zip(some, heard, strict=True)}
            self.known |= new
            if self.path:
                with self.path.open("ab") as file:
                    file.write(HEARD.dump_json(new) + b"\n")
        return [self.known[key] for key in keys]


@dataclass(frozen=True, slots=True)
class Utterance:
    """A clip, what each of its beginnings was heard as, and the whole."""

    clip: Clip
    samples: NDArray[np.float32]
    growing: tuple[tuple[float, Hypothesis], ...]
    """Seconds, and what was heard of them."""
    final: Hypothesis


@dataclass(slots=True)
class Tally:
    """What a rule did. Shares in per cent, lags in seconds of audio behind a word's end."""

    words: int = 0
    shown: int = 0
    committed: int = 0
    contradicted: int = 0
    erased: int = 0
    erased_as_spelled: int = 0
    firsts: list[float] = field(default_factory=list)
    shown_lags: list[float] = field(default_factory=list)
    committed_lags: list[float] = field(default_factory=list)

    def add(self, utterance: Utterance, policy: StabilityPolicy) -> str:
        """Replay one utterance; answers what was committed of it in the end."""
        final = utterance.final.text
        ends = [word.end for word in utterance.final.words if letters(word.text)]
        stable, texts, seen, promised = CaptionState("", "", ()), [], 0, 0
        for seconds, heard in utterance.growing:
            stable = grown(stable, heard, seconds, policy)
            texts.append(stable.committed + stable.tentative)
            if texts[-1] and not any(texts[:-1]) and utterance.final.words:
                self.firsts.append(seconds - utterance.final.words[0].start)
            seen = _overtake(self.shown_lags, ends, seen, len(split_words(texts[-1])), seconds)
            promised = _overtake(self.committed_lags, ends, promised, len(split_words(stable.committed)), seconds)
        self.words += len(split_words(final))
        self.shown += seen
        self.committed += len(split_words(stable.committed))
        self.contradicted += contradicted(stable.committed, final)
        for before, after in zip(texts, [*texts[1:], final], strict=True):
            self.erased += erased(before, after)
            self.erased_as_spelled += _erased_as_spelled(before, after)
        return stable.committed

    def row(self) -> dict[str, float]:
        """The figures, by their names in the table."""
        return {
            "shown %": 100 * self.shown / self.words,
            "first s": float(np.median(self.firsts or [np.nan])),
            "lag s": float(np.median(self.shown_lags or [np.nan])),
            "erasure": self.erased / self.words,
            "as spelled": self.erased_as_spelled / self.words,
            "committed %": 100 * self.committed / self.words,
            "its lag s": float(np.median(self.committed_lags or [np.nan])),
            "contradicted %": 100 * self.contradicted / max(1, self.committed),
        }


def _overtake(lags: list[float], ends: list[float], before: int, words: int, seconds: float) -> int:
    """Note the lag of each word that is there for the first time; answers how many have been there by now."""
    after = max(before, min(words, len(ends)))
    lags += [seconds - end for end in ends[before:after]]
    return after


def _erased_as_spelled(before: str, after: str) -> int:
    old, new = before.split(), after.split()
    return len(old) - next(
        (i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new))
    )


def _key(speech: Speech) -> str:
    asked = repr((speech.language, speech.prefix, speech.beam_size, speech.words, speech.final))
    return hashlib.sha256(speech.samples.tobytes() + asked.encode()).hexdigest()[:24]


def listen(recognizer: Recorded, clips: Sequence[Clip], step: float) -> list[Utterance]:
    """Decode every clip that is one utterance: each `step` seconds of it, and the whole."""
    sounds = [(clip, clip.pcm().astype(np.float32) / np.float32(32_768)) for clip in clips]
    sounds = [(clip, samples) for clip, samples in sounds if len(samples) <= LONGEST_SECONDS * RATE]
    growing: list[list[tuple[float, Hypothesis]]] = [[] for _ in sounds]
    stride = round(step * RATE)
    for length in range(stride, max(len(samples) for _, samples in sounds), stride):
        some = [i for i, (_, samples) in enumerate(sounds) if len(samples) > length]
        previews = [Speech(sounds[i][1][:length], "en", words=True, final=False) for i in some]
        for i, heard in zip(some, recognizer.recognize(previews), strict=True):
            growing[i].append((length / RATE, heard))
    finals = recognizer.recognize([Speech(samples, "en", beam_size=5, words=True) for _, samples in sounds])
    return [Utterance(*sound, tuple(g), f) for sound, g, f in zip(sounds, growing, finals, strict=True)]


def price(recognizer: Recorded, utterances: Sequence[Utterance], policy: StabilityPolicy) -> float:
    """Word error rate, in per cent, of finals that begin with what the rule committed."""
    committed = [Tally().add(utterance, policy) for utterance in utterances]
    bound = [i for i, text in enumerate(committed) if text]
    again = recognizer.recognize(
        [Speech(utterances[i].samples, "en", prefix=committed[i], beam_size=5, words=True) for i in bound]
    )
    texts = [utterance.final.text for utterance in utterances]
    for i, heard in zip(bound, again, strict=True):
        texts[i] = heard.text
    errors = WordErrors()
    for utterance, text in zip(utterances, texts, strict=True):
        errors.add(utterance.clip.text, text)
    return errors.percent


def halves(utterances: Sequence[Utterance]) -> tuple[list[Utterance], list[Utterance]]:
    """By speaker, in turn: the default was chosen on the first half."""
    speakers = sorted({_speaker(utterance) for utterance in utterances})
    first, second = ([u for u in utterances if speakers.index(_speaker(u)) % 2 == half] for half in (0, 1))
    return first, second


def _speaker(utterance: Utterance) -> str:
    return "-".join(utterance.clip.id.split("-")[:2])


@click.command()
@click.option("--model", default="whisper-base", help="A name from `nova models list`, or a directory.")
@click.option("--step", "steps", type=float, multiple=True, default=(1.0, 0.5), help="Seconds between decodes.")
@click.option(
    "--shared", type=click.Path(path_type=Path, exists=True), default="../shared", help="Where the clips are."
)
@click.option("--threads", default=2)
@click.option("--recorded", type=click.Path(path_type=Path), help="File that keeps the decodes of this very model.")
@results.option
def main(
    model: str, steps: tuple[float, ...], shared: Path, threads: int, recorded: Path | None, file: Path | None
) -> None:
    """Replay every rule on the English clips, and print the curve."""
    settings = SttSettings(model=model, device="cpu", threads=threads)
    recognizer = Recorded(lambda: load_recognizer(settings), recorded)
    clips = [clip for clip in shared_clips(shared) if clip.language == "en" and clip.kind in {"utt", "para"}]
    curves: dict[str, dict[str, dict[str, float]]] = {}
    for step in steps:
        utterances = listen(recognizer, clips, step)
        first, second = halves(utterances)
        rows = {name: _figures(utterances, policy) for name, policy in RULES.items()}
        rows |= {"default, first half": _figures(first, DEFAULT), "default, second half": _figures(second, DEFAULT)}
        _print(f"{len(utterances)} clips, a decode each {step} s", rows)
        curves[str(step)] = rows
        for name in ("default", "committed: on agreement"):
            print(f"word error rate of stable finals, {name}: {price(recognizer, utterances, RULES[name]):.2f} %")
        errors = WordErrors()
        for utterance in utterances:
            errors.add(utterance.clip.text, utterance.final.text)
        print(f"word error rate of free finals: {errors.percent:.2f} %\n")
    results.write(file, {"model": model, "threads": threads}, policy=asdict(DEFAULT), curves=curves)


def _figures(utterances: Sequence[Utterance], policy: StabilityPolicy) -> dict[str, float]:
    tally = Tally()
    for utterance in utterances:
        tally.add(utterance, policy)
    return tally.row()


def _print(title: str, rows: dict[str, dict[str, float]]) -> None:
    names = list(next(iter(rows.values())))
    print(f"| {title} | {' | '.join(names)} |\n|---|{'---|' * len(names)}")
    for rule, row in rows.items():
        print(f"| {rule} | {' | '.join(f'{row[name]:.2f}' for name in names)} |")


if __name__ == "__main__":
    main()
