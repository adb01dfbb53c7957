"""Speech without long pauses, made from clips of one speaker: silence is shortened, and no word is changed."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import groupby, pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from gateway.audio.silero import Silero
from gateway.audio.vad import SpeechDetector
from gateway.session.segmenter import WINDOW, Rules
from tests.testkit.audio.clips import RATE, Clip

Half = Literal["tuning", "report"]
# Seconds: the range that the length of each longer pause is drawn from, below the usual endpoint.
PAUSES_S = (0.2, 0.55)
# Clips of one speaker in a monologue.
CLIPS = 5
# Samples of silence after the speech, so that the last endpoint is detected like any other.
_TAIL = np.zeros(2 * RATE, np.int16)


@dataclass(frozen=True, slots=True, eq=False)
class Monologue:
    """The speech of one speaker, and which half of the monologues it belongs to."""

    name: str
    pcm: NDArray[np.int16]  # [n], 16 kHz mono
    text: str
    half: Half


def monologues(clips: Sequence[Clip], draws: int) -> list[Monologue]:
    """Monologues of `CLIPS` successive short clips of a speaker, or of one long clip, `draws` of each."""
    parts = {some[0].id: some for some in _successive(clips)}
    # In the order of their hashes they alternate, so that both halves have the same number.
    ranked = sorted(parts, key=lambda name: sha256(name.encode()).hexdigest())
    halves: dict[str, Half] = {name: "report" if rank % 2 else "tuning" for rank, name in enumerate(ranked)}
    return [_monologue(name, parts[name], halves[name], draw) for name in parts for draw in range(draws)]


def _successive(clips: Sequence[Clip]) -> Iterator[Sequence[Clip]]:
    yield from ([clip] for clip in clips if clip.kind == "para")
    spoken = sorted((clip for clip in clips if clip.kind == "utt"), key=lambda clip: (clip.speaker, clip.id))
    for _, same in groupby(spoken, key=lambda clip: clip.speaker):
        some = list(same)
        yield from (some[at : at + CLIPS] for at in range(0, len(some) - CLIPS + 1, CLIPS))


def _monologue(name: str, clips: Sequence[Clip], half: Half, draw: int) -> Monologue:
    rng = np.random.default_rng(list(f"{name} {draw}".encode()))
    speech = without_long_pauses(np.concatenate([clip.pcm() for clip in clips]), rng)
    return Monologue(f"{name} {draw}", np.concatenate([speech, _TAIL]), " ".join(clip.text for clip in clips), half)


def without_long_pauses(pcm: NDArray[np.int16], rng: np.random.Generator) -> NDArray[np.int16]:
    """Remove the middle of pauses between speech that are longer than a length drawn from `PAUSES_S`."""
    detector = SpeechDetector(Silero())
    probabilities = np.concatenate([detector.detect_speech(pcm)[1], detector.flush()[1]])
    kept = np.ones(len(pcm), bool)
    speech: list[int] = np.flatnonzero(probabilities >= Rules().start).tolist()
    for before, after in pairwise(speech):
        silent, allowed = after - before - 1, int(rng.uniform(*PAUSES_S) * RATE / WINDOW)
        middle = (before + 1 + allowed // 2) * WINDOW
        kept[middle : middle + max(0, silent - allowed) * WINDOW] = False
    return pcm[kept]
