"""The figures of a load run, computed from the ledgers of its sessions. Pure.

Final latency is defined as in NVIDIA Riva's streaming client with --simulate_realtime: the arrival of a final minus the
time at which the last sample of its speech was sent. It therefore includes the endpoint silence.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from typing import Self

import numpy as np

from backend.load.ledger import SessionLedger
from backend.load.monologue import ClipPlacement, Monologue
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Error, Final, Partial
from backend.text.edits import WordErrors, contradicted, erased
from backend.text.normalize import normalized_words

# A generator that sends more than 1 % of its frames later than this measures its own delay.
MAX_LAG_S = 0.05
# A p95 of fewer finals than this is the latency of the slowest one.
MIN_FINALS = 5
# Speakers of a longer utterance expect to see words before it ends.
LONG_MS = 3_000
_MS = SAMPLE_RATE // 1000


@dataclass(slots=True)
class LoadLedger(SessionLedger):
    """The ledger of a load session, and the audio that it sends."""

    monologue: Monologue = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Spread:
    """Percentiles of a quantity, in its own unit."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self | None:
        """The spread of the values, or None if there are none."""
        if not values:
            return None
        p50, p95, p99 = (float(value) for value in np.percentile(values, (50, 95, 99)))
        return cls(len(values), p50, p95, p99, max(values))


@dataclass(frozen=True, slots=True)
class Score:
    """Latencies cover the measured time; all other figures cover the whole run. Field names are those of `--json`."""

    sessions: int
    # Seconds of audio sent by all sessions, silence included.
    spoken_s: float
    finals: int
    final_s: Spread | None
    # Time to final segment: from sending a clip's last sample of speech to the arrival of the last final that overlaps
    # the clip. The endpoint silence of the session is part of it.
    ttfs_s: Spread | None
    # The highest p95 of the final latency of one session, among sessions with at least MIN_FINALS finals.
    worst_session_p95_s: float | None
    # From sending an utterance's first sample of speech to its first partial with text.
    first_partial_s: Spread | None
    # Between consecutive partials of an utterance.
    partial_gap_s: Spread | None
    # How late the generator sent its frames.
    lag_s: Spread | None
    # Utterances with text that had no partial before the final.
    unshown: int
    # The same for utterances longer than LONG_MS, and the number of these.
    unshown_long: int
    long: int
    # Finals with text where there was no speech.
    invented: int
    # None when texts are meaningless (the recognizer `null`).
    word_error_percent: float | None
    # How often each recording was sent completely, by its path: the utterances that the word error rate covers.
    recordings: dict[str, int]
    # Words of the finals.
    words: int
    # Normalized erasure (Arivazhagan et al. 2020): words that a later partial or the final replaced, per word of the
    # finals. None without partials.
    erasure: float | None
    # Words that were committed when the final arrived, and how many of them the final contradicts.
    committed: int
    contradicted: int
    # Clips or utterance numbers without a final, described in words.
    missing: tuple[str, ...]
    # Clips whose finals are empty: the recognizer returned no text. They also count as word errors.
    unheard: int
    # By code: `error` events, and errors that ended sessions.
    errors: dict[str, int]
    # By code: sessions that could not be opened.
    refused: dict[str, int]
    reconnects: int

    @property
    def late(self) -> bool:
        """Whether the generator was too slow, which makes the figures invalid."""
        return self.lag_s is not None and self.lag_s.p99 > MAX_LAG_S

    @property
    def sound(self) -> bool:
        """Whether every clip got its final and no error occurred."""
        return not (self.missing or self.errors or self.refused)


def score(ledgers: Sequence[LoadLedger], from_s: float = 0.0, to_s: float = inf, *, texts: bool = True) -> Score:
    """Compute the figures of a run. Latency covers utterances whose speech was sent between the two latencies."""
    latencies, partials = _Latencies(), _PartialFigures()
    for ledger in ledgers:
        latencies.add(ledger, from_s, to_s)
        partials.add(ledger)
    opened = [ledger for ledger in ledgers if ledger.session]
    errors = Counter(event.code for ledger in opened for _, event in ledger.events if isinstance(event, Error))
    return Score(
        sessions=len(ledgers),
        spoken_s=sum(ledger.sent_s for ledger in ledgers),
        finals=sum(len(ledger.finals) for ledger in ledgers),
        final_s=Spread.of(latencies.final_s),
        ttfs_s=Spread.of(latencies.ttfs_s),
        worst_session_p95_s=max(latencies.session_p95_s, default=None),
        first_partial_s=Spread.of(latencies.first_partial_s),
        partial_gap_s=Spread.of(latencies.partial_gap_s),
        lag_s=Spread.of([lag for ledger in ledgers for lag in ledger.lag_s]),
        unshown=partials.unshown,
        unshown_long=partials.unshown_long,
        long=partials.long,
        invented=latencies.invented,
        word_error_percent=_word_errors(opened).percent if texts and opened else None,
        recordings=dict(Counter(str(sent.clip.path) for ledger in opened for sent in _sent_clips(ledger))),
        words=partials.words,
        erasure=partials.erased / max(1, partials.words) if partials.count else None,
        committed=partials.committed,
        contradicted=partials.contradicted,
        missing=tuple(lack for number, ledger in enumerate(opened, 1) for lack in _missing(number, ledger)),
        unheard=sum(_clips_without_text(ledger) for ledger in opened),
        errors=dict(errors + Counter(ledger.ended for ledger in opened if ledger.ended)),
        refused=dict(Counter(ledger.ended for ledger in ledgers if not ledger.session)),
        reconnects=sum(ledger.reconnects for ledger in ledgers),
    )


@dataclass(slots=True)
class _Latencies:
    final_s: list[float] = field(default_factory=list)
    ttfs_s: list[float] = field(default_factory=list)
    session_p95_s: list[float] = field(default_factory=list)
    first_partial_s: list[float] = field(default_factory=list)
    partial_gap_s: list[float] = field(default_factory=list)
    invented: int = 0

    def add(self, ledger: LoadLedger, from_s: float, to_s: float) -> None:
        partials, before = ledger.partials(), len(self.final_s)
        for at, final in ledger.finals:
            last = ledger.monologue.last_speech(final.end_ms * _MS)
            if last is None or last < final.start_ms * _MS:
                self.invented += bool(final.text)
                continue
            sent = ledger.sent_time(last)
            if sent is not None and from_s <= sent <= to_s:
                self.final_s.append(at - sent)
                self._add_partials(ledger, partials.get(final.utterance, []))
        if spread := Spread.of(self.final_s[before:]):
            self.session_p95_s += [spread.p95] if spread.count >= MIN_FINALS else []
        self.ttfs_s += _times_to_final(ledger, from_s, to_s)

    def _add_partials(self, ledger: LoadLedger, partials: Sequence[tuple[float, Partial]]) -> None:
        self.partial_gap_s += [after - before for (before, _), (after, _) in pairwise(partials)]
        for at, partial in partials[:1]:
            first = ledger.monologue.first_speech(partial.start_ms * _MS)
            sent = None if first is None else ledger.sent_time(first)
            if sent is not None:
                self.first_partial_s.append(at - sent)


@dataclass(slots=True)
class _PartialFigures:
    count: int = 0
    words: int = 0
    erased: int = 0
    committed: int = 0
    contradicted: int = 0
    unshown: int = 0
    unshown_long: int = 0
    long: int = 0

    def add(self, ledger: LoadLedger) -> None:
        partials = ledger.partials()
        self.count += sum(map(len, partials.values()))
        for _, final in ledger.finals:
            shown = [partial for _, partial in partials.get(final.utterance, ())]
            committed = shown[-1].committed if shown else ""
            texts = [partial.committed + partial.tentative for partial in shown] + [final.text]
            self.words += len(normalized_words(final.text, final.language))
            self.erased += sum(erased(before, after, final.language) for before, after in pairwise(texts))
            self.committed += len(normalized_words(committed, final.language))
            self.contradicted += contradicted(committed, final.text, final.language)
            is_long = bool(final.text) and final.end_ms - final.start_ms > LONG_MS
            self.unshown += bool(final.text and not shown)
            self.unshown_long += is_long and not shown
            self.long += is_long


def _word_errors(ledgers: Sequence[LoadLedger]) -> WordErrors:
    total = WordErrors()
    for ledger in ledgers:
        finals_by_clip = _finals_by_clip(ledger)
        for placement in _sent_clips(ledger):
            text = " ".join(final.text for final in finals_by_clip.get(placement, ()))
            total.add(placement.clip.text, text, placement.clip.language)
    return total


def _finals_by_clip(ledger: LoadLedger) -> dict[ClipPlacement, list[Final]]:
    """The finals with text, in order, by the clip that each overlaps most."""
    finals_by_clip: dict[ClipPlacement, list[Final]] = {}
    for _, final in ledger.finals:
        placement = max(
            ledger.monologue.placements, key=lambda placement: _overlap(placement.start, placement.end, final)
        )
        if final.text and _overlap(placement.start, placement.end, final):
            finals_by_clip.setdefault(placement, []).append(final)
    return finals_by_clip


def _sent_clips(ledger: LoadLedger) -> list[ClipPlacement]:
    """The clips that were sent completely."""
    return [placement for placement in ledger.monologue.placements if ledger.sent_time(placement.end - 1) is not None]


def _overlap(start: int, end: int, final: Final) -> int:
    """The overlap of [start, end) and a final, in samples."""
    return max(0, min(end, final.end_ms * _MS) - max(start, final.start_ms * _MS))


def _missing(number: int, ledger: LoadLedger) -> Iterator[str]:
    finals = [final for _, final in ledger.finals]
    for placement, first, last in sent_speech(ledger):
        if not any(_overlap(first, last, final) for final in finals):
            begin_s = placement.start / SAMPLE_RATE
            yield f"session {number}: no final for {placement.clip.path.name}, sent {begin_s:.1f} s after the start"
    answered = {event.utterance for _, event in ledger.events if isinstance(event, Final | Error)}
    known = {getattr(event, "utterance", None) or 0 for _, event in ledger.events}
    for utterance in sorted(set(range(1, max(known, default=0) + 1)) - answered):
        yield f"session {number}: no final of utterance {utterance}"


def _clips_without_text(ledger: LoadLedger) -> int:
    answers = [
        [final.text for _, final in ledger.finals if _overlap(first, last, final)]
        for _, first, last in sent_speech(ledger)
    ]
    return sum(bool(texts) and not any(texts) for texts in answers)


def _times_to_final(ledger: LoadLedger, from_s: float, to_s: float) -> Iterator[float]:
    """The time to the final segment of each clip with finals whose speech ended in the measured time."""
    for _, first, last in sent_speech(ledger):
        sent = ledger.sent_time(last)
        arrivals = [at for at, final in ledger.finals if _overlap(first, last, final)]
        if sent is not None and from_s <= sent <= to_s and arrivals:
            yield max(arrivals) - sent


def sent_speech(ledger: LoadLedger) -> Iterator[tuple[ClipPlacement, int, int]]:
    """The clips that were sent completely and contain speech, with their first and last sample of speech."""
    for placement in _sent_clips(ledger):
        first, last = ledger.monologue.first_speech(placement.start), ledger.monologue.last_speech(placement.end)
        if first is not None and last is not None and first <= last:
            yield placement, first, last
