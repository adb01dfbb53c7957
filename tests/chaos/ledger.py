"""What a session has heard, against what it said: sums in which every loss, double and mix-up shows. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from backend.messages.protocol import Error, Final, Partial, ServerMessage, Translation, to_json
from gateway.audio.silero import Silero
from gateway.audio.vad import SpeechDetector
from gateway.session.segmenter import WINDOW, Rules, Segmenter, UtteranceEnded
from stt_worker.recognizers.null import transcript

RATE = 16_000
FRAME = 1_600
"""Samples sent at once: 100 ms."""
EDGE = 3 * WINDOW
"""Samples, 96 ms: so much of an utterance's edge may lack behind a resumption, where the detector has begun anew."""


@dataclass(slots=True)
class Account:
    """One session, as its client and Redis have it."""

    sent: NDArray[np.int16]
    """[n], 16 kHz mono: all that was to be said."""
    session: str = ""
    sent_at: list[float] = field(default_factory=list)
    """Seconds at which each frame of 100 ms was given to the client."""
    events: list[tuple[float, ServerMessage]] = field(default_factory=list)
    """Seconds on the same clock, and the event."""
    ended: str = ""
    """What ended it, when it was not `done`."""
    resumes: int = 0
    logged: list[int] = field(default_factory=list)
    """Utterances of the finals in the durable log, in its order: the client drops repeats, the log keeps them."""

    @property
    def finals(self) -> list[tuple[float, Final]]:
        """With the times at which they came."""
        return [(at, event) for at, event in self.events if isinstance(event, Final)]

    @property
    def numbers(self) -> list[int]:
        """Utterances of the finals, in the order in which they came."""
        return [final.utterance for _, final in self.finals]

    @property
    def bounds(self) -> set[tuple[int, int]]:
        """From which sample to which there are finals."""
        return {(final.start_ms * RATE // 1000, final.end_ms * RATE // 1000) for _, final in self.finals}

    @property
    def translations(self) -> list[tuple[int, str]]:
        """UtteranceEnded and language of the final translations, in the order in which they came."""
        events = [event for _, event in self.events if isinstance(event, Translation) and event.is_final]
        return [(event.utterance, event.language) for event in events]

    def of(self, final: Final) -> bytes:
        """The samples that a final is about; the detector fills the last window of a session with zeros."""
        piece = self.sent[final.start_ms * RATE // 1000 : final.end_ms * RATE // 1000]
        return piece.tobytes() + bytes(2 * ((final.end_ms - final.start_ms) * RATE // 1000 - len(piece)))

    def latencies(self) -> list[float]:
        """Seconds from the sending of an utterance's last sample to its final; the silence that ends it counts."""
        return [at - self._sent(final.end_ms) for at, final in self.finals]

    def stall(self) -> float:
        """The longest time, in seconds, for which it waited for the final that was next."""
        waits, free = [0.0], 0.0
        for at, final in self.finals:
            waits.append(at - max(free, self._sent(final.end_ms)))
            free = at
        return max(waits)

    def protocol(self) -> str:
        """What it heard, one event a line, each behind its time; partials are left out."""
        events = [(at, event) for at, event in self.events if not isinstance(event, Partial)]
        return "".join(f"{at:8.2f} {to_json(event)}\n" for at, event in events)

    def _sent(self, upto_ms: int) -> float:
        frame = -(-upto_ms * RATE // 1000 // FRAME) - 1
        return self.sent_at[min(frame, len(self.sent_at) - 1)]


@dataclass(frozen=True, slots=True)
class Reference:
    """What the gateway's own ears find in audio when nothing disturbs them: a session with no kills says the same."""

    utterances: tuple[tuple[int, int], ...]
    """Samples, from and to."""
    speech: tuple[NDArray[np.int64], ...]
    """For each utterance, the first samples of the windows in it that surely are speech."""


def reference(sent: NDArray[np.int16], rules: Rules, endpoint_ms: int) -> Reference:
    """The undisturbed batcher of a session's audio."""
    detector, segmenter = SpeechDetector(Silero()), Segmenter(rules, endpoint_ms=endpoint_ms)
    events, heard = [], []
    for windows, probabilities in (detector.detect_speech(sent), detector.flush()):
        events += segmenter.process_windows(windows, probabilities)
        heard.append(probabilities)
    events += segmenter.flush()
    clips = [event.clip for event in events if isinstance(event, UtteranceEnded)]
    sure = np.flatnonzero(np.concatenate(heard) >= rules.start) * WINDOW
    return Reference(
        tuple((clip.start_sample, clip.end_sample) for clip in clips),
        tuple(sure[(sure >= clip.start_sample) & (sure < clip.end_sample)] for clip in clips),
    )


def differences(
    account: Account, heard: Reference, *, checksums: bool, translated: bool, logged: bool = True
) -> list[str]:
    """All that is wrong, in words; nothing when every word was heard once, in its place, and nobody else's."""
    if account.ended:
        return [f"ended by {account.ended}", *_amiss("finals", account.numbers)]
    return [
        *_amiss("finals", account.numbers),
        *(_of_log(account) if logged else ()),
        *(f"error {event.code}: {event.message}" for _, event in account.events if isinstance(event, Error)),
        *_of_times(account),
        *(_of_texts(account) if checksums else ()),
        *_of_coverage(account, heard),
        *(_of_translations(account) if translated else ()),
    ]


def missing(numbers: Sequence[int]) -> list[int]:
    """What lacks of 1 to the last."""
    return sorted(set(range(1, max(numbers, default=0) + 1)) - set(numbers))


def doubled(numbers: Sequence[int]) -> list[int]:
    """What is there more than once."""
    return sorted(number for number, count in Counter(numbers).items() if count > 1)


def disordered(numbers: Sequence[int]) -> list[int]:
    """What comes behind something greater."""
    return [number for i, number in enumerate(numbers) if number < max(numbers[:i], default=0)]


def uncovered(account: Account, heard: Reference) -> list[tuple[int, int, bool]]:
    """Stretches of sure speech, in samples from and to, that are in no final; and whether an edge explains each."""
    covered = np.zeros(len(account.sent) // WINDOW + 1, np.bool_)
    for _, final in account.finals:
        covered[final.start_ms * 16 // WINDOW : final.end_ms * 16 // WINDOW] = True
    holes = []
    for speech in heard.speech:
        bare = speech[~covered[speech // WINDOW]]
        for stretch in np.split(bare, np.flatnonzero(np.diff(bare) > WINDOW) + 1):
            if len(stretch):
                start, end = int(stretch[0]), int(stretch[-1]) + WINDOW
                at_edge = (start == speech[0]) != (end == speech[-1] + WINDOW)
                holes.append((start, end, bool(at_edge) and end - start <= EDGE))
    return holes


def _of_log(account: Account) -> Iterator[str]:
    yield from _amiss("finals in the log", account.logged)
    if set(account.logged) != set(account.numbers):
        yield f"the log has {len(set(account.logged))} finals, the client {len(set(account.numbers))}"


def _amiss(what: str, numbers: Sequence[int]) -> Iterator[str]:
    for how, which in (("missing", missing), ("doubled", doubled), ("out of order", disordered)):
        if found := which(numbers):
            yield f"{what} {how}: {found}"


def _of_times(account: Account) -> Iterator[str]:
    finals = [final for _, final in account.finals]
    end_ms = -(-len(account.sent) // WINDOW) * WINDOW // 16
    for final in finals:
        if not 0 <= final.start_ms < final.end_ms <= end_ms:
            yield f"utterance {final.utterance} lies at {final.start_ms} to {final.end_ms} of {end_ms} ms"
    for before, final in pairwise(finals):
        if final.start_ms < before.end_ms:
            yield (
                f"utterance {final.utterance} starts at {final.start_ms} ms, "
                f"before {before.utterance} ends at {before.end_ms} ms"
            )


def _of_texts(account: Account) -> Iterator[str]:
    for _, final in account.finals:
        if final.text != transcript(account.of(final)):
            yield (
                f"the text of utterance {final.utterance} is not of what was sent "
                f"from {final.start_ms} to {final.end_ms} ms"
            )


def _of_coverage(account: Account, heard: Reference) -> Iterator[str]:
    for start, end, explained in uncovered(account, heard):
        if not explained:
            yield f"no final covers the speech from {start // 16} to {end // 16} ms"


def _of_translations(account: Account) -> Iterator[str]:
    wanted = [(final.utterance, target) for _, final in account.finals for target in final.translate_to if final.text]
    came = account.translations
    if lost := sorted(set(wanted) - set(came)):
        yield f"translations missing: {lost}"
    if too_many := sorted(key for key, count in Counter(came).items() if count > wanted.count(key)):
        yield f"translations doubled: {too_many}"
