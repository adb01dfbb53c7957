"""What the accounts of a run come to. Pure.

Final latency is defined as NVIDIA Riva's streaming client does with --simulate_realtime: the arrival of a final minus
the moment when the last sample of its speech was sent. So the silence by which a server knows the end counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

import numpy as np

from backend.load.account import Account
from backend.load.monologue import Piece
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Error, Final, Partial
from backend.text.edits import WordErrors, contradicted, erased
from backend.text.normalize import normalized_words

MOST_LAG_S = 0.05
"""A generator that is later than this, once in a hundred frames, measures itself."""
_MS = SAMPLE_RATE // 1000


@dataclass(frozen=True, slots=True)
class Spread:
    """How a quantity is distributed, in its own unit."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """None of nothing."""
        if not values:
            return None
        p50, p95, p99 = (float(value) for value in np.percentile(values, (50, 95, 99)))
        return cls(len(values), p50, p95, p99, max(values))


@dataclass(frozen=True, slots=True)
class Score:
    """Latencies are of the time that counts; all else is of the whole run."""

    sessions: int
    spoken_s: float
    """Seconds of audio sent, silence and all, over all sessions."""
    finals: int
    final_s: Spread | None
    first_partial_s: Spread | None
    """From the sending of an utterance's first sample of speech to the first partial with words."""
    partial_gap_s: Spread | None
    """Between one partial of an utterance and the next."""
    lag_s: Spread | None
    """How late the generator was with a frame."""
    unshown: int
    """Utterances with a text of which no word was shown before the final."""
    invented: int
    """Finals with a text where nobody spoke."""
    word_error_percent: float | None
    """None where texts say nothing (the recognizer `null`)."""
    words: int
    """Of the finals."""
    erasure: float | None
    """Words taken back, by a partial or the final, for each word of the finals (normalized erasure, Arivazhagan et al.
    2020); None where no partial came."""
    committed: int
    """Words that were committed when the final came."""
    contradicted: int
    """Of those: what the final does not bear out."""
    missing: tuple[str, ...]
    """What was said, or numbered, and got no final: in words."""
    unheard: int
    """Clips whose finals have no text: nothing was lost, but the recognizer heard nothing. The error rate has them."""
    errors: dict[str, int]
    """By code: `error` events, and what ended sessions."""
    refused: dict[str, int]
    """By code: sessions that were never opened."""
    reconnects: int

    @property
    def late(self) -> bool:
        """Whether the generator was: then its figures are worth nothing."""
        return self.lag_s is not None and self.lag_s.p99 > MOST_LAG_S

    @property
    def sound(self) -> bool:
        """Whether everything said was answered, and nothing went wrong."""
        return not (self.missing or self.errors or self.refused)


def score(accounts: Sequence[Account], from_s: float = 0.0, to_s: float = inf, *, texts: bool = True) -> Score:
    """Add up a run. Utterances whose speech ended between the two times, on the run's clock, count for latency."""
    times, shown = _Times(), _Shown()
    for account in accounts:
        times.add(account, from_s, to_s)
        shown.add(account)
    opened = [account for account in accounts if account.session]
    errors = Counter(event.code for account in opened for _, event in account.events if isinstance(event, Error))
    return Score(
        sessions=len(accounts),
        spoken_s=sum(account.spoken_s for account in accounts),
        finals=sum(len(account.finals) for account in accounts),
        final_s=Spread.of(times.final_s),
        first_partial_s=Spread.of(times.first_partial_s),
        partial_gap_s=Spread.of(times.partial_gap_s),
        lag_s=Spread.of([lag for account in accounts for lag in account.lag_s]),
        unshown=shown.unshown,
        invented=times.invented,
        word_error_percent=_word_errors(opened).percent if texts and opened else None,
        words=shown.words,
        erasure=shown.erased / max(1, shown.words) if shown.partials else None,
        committed=shown.committed,
        contradicted=shown.contradicted,
        missing=tuple(lack for number, account in enumerate(opened, 1) for lack in _missing(number, account)),
        unheard=sum(_unheard(account) for account in opened),
        errors=dict(errors + Counter(account.ended for account in opened if account.ended)),
        refused=dict(Counter(account.ended for account in accounts if not account.session)),
        reconnects=sum(account.reconnects for account in accounts),
    )


@dataclass(slots=True)
class _Times:
    final_s: list[float] = field(default_factory=list)
    first_partial_s: list[float] = field(default_factory=list)
    partial_gap_s: list[float] = field(default_factory=list)
    invented: int = 0

    def add(self, account: Account, from_s: float, to_s: float) -> None:
        partials = account.partials()
        for at, final in account.finals:
            last = account.monologue.last_speech(final.end_ms * _MS)
            if last is None or last < final.start_ms * _MS:
                self.invented += bool(final.text)
                continue
            sent = account.sent(last)
            if sent is not None and from_s <= sent <= to_s:
                self.final_s.append(at - sent)
                self._add_partials(account, partials.get(final.utterance, []))

    def _add_partials(self, account: Account, partials: Sequence[tuple[float, Partial]]) -> None:
        self.partial_gap_s += [after - before for (before, _), (after, _) in pairwise(partials)]
        for at, partial in partials[:1]:
            first = account.monologue.first_speech(partial.start_ms * _MS)
            sent = None if first is None else account.sent(first)
            if sent is not None:
                self.first_partial_s.append(at - sent)


@dataclass(slots=True)
class _Shown:
    partials: int = 0
    words: int = 0
    erased: int = 0
    committed: int = 0
    contradicted: int = 0
    unshown: int = 0

    def add(self, account: Account) -> None:
        partials = account.partials()
        self.partials += sum(map(len, partials.values()))
        for _, final in account.finals:
            seen = [partial for _, partial in partials.get(final.utterance, ())]
            promised = seen[-1].committed if seen else ""
            texts = [partial.committed + partial.tentative for partial in seen] + [final.text]
            self.words += len(normalized_words(final.text, final.language))
            self.erased += sum(erased(before, after, final.language) for before, after in pairwise(texts))
            self.committed += len(normalized_words(promised, final.language))
            self.contradicted += contradicted(promised, final.text, final.language)
            self.unshown += bool(final.text and not seen)


def _word_errors(accounts: Sequence[Account]) -> WordErrors:
    total = WordErrors()
    for account in accounts:
        heard = _heard(account)
        for piece in _said(account):
            text = " ".join(final.text for final in heard.get(piece, ()))
            total.add(piece.clip.text, text, piece.clip.language)
    return total


def _heard(account: Account) -> dict[Piece, list[Final]]:
    """The finals with a text, in order, each with the piece that it overlaps most."""
    heard: dict[Piece, list[Final]] = {}
    for _, final in account.finals:
        piece = max(account.monologue.pieces, key=lambda piece: _overlap(piece.start, piece.end, final))
        if final.text and _overlap(piece.start, piece.end, final):
            heard.setdefault(piece, []).append(final)
    return heard


def _said(account: Account) -> list[Piece]:
    """What was sent to its end."""
    return [piece for piece in account.monologue.pieces if account.sent(piece.end - 1) is not None]


def _overlap(start: int, end: int, final: Final) -> int:
    """Samples."""
    return max(0, min(end, final.end_ms * _MS) - max(start, final.start_ms * _MS))


def _missing(number: int, account: Account) -> Iterator[str]:
    finals = [final for _, final in account.finals]
    for piece, first, last in _spoken(account):
        if not any(_overlap(first, last, final) for final in finals):
            yield f"session {number}: no final for {piece.clip.path.name}, {piece.start / SAMPLE_RATE:.1f} s into it"
    answered = {event.utterance for _, event in account.events if isinstance(event, Final | Error)}
    known = {getattr(event, "utterance", None) or 0 for _, event in account.events}
    for utterance in sorted(set(range(1, max(known, default=0) + 1)) - answered):
        yield f"session {number}: no final of utterance {utterance}"


def _unheard(account: Account) -> int:
    answers = [
        [final.text for _, final in account.finals if _overlap(first, last, final)]
        for _, first, last in _spoken(account)
    ]
    return sum(bool(texts) and not any(texts) for texts in answers)


def _spoken(account: Account) -> Iterator[tuple[Piece, int, int]]:
    """What was sent to its end, with its first and last sample of speech; not clips in which nobody speaks."""
    for piece in _said(account):
        first, last = account.monologue.first_speech(piece.start), account.monologue.last_speech(piece.end)
        if first is not None and last is not None and first <= last:
            yield piece, first, last
