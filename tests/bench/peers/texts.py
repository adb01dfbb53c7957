"""The texts that a session of another system receives, and the events that `nova load` would score. Pure.

A final arrives when finished text contains the last sample of a clip's speech, less TOLERANCE_S. It is scored like the
final of an utterance that begins and ends with the speech of the clip. The first partial is the first text for the
clip before that. Word errors count all finished text, and what a session still shows at its end.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from backend.load.score import LoadLedger, sent_speech
from backend.messages.jobs import SAMPLE_RATE
from backend.messages.protocol import Final, Partial, ServerMessage

LANGUAGE = "en"
# Whisper's times of segments are rough. The end of speech, measured by power, is often later.
TOLERANCE_S = 0.8
# A text concerns a clip if it shares this much time with its speech: segments begin or end a little too early or late.
SHARED_S = 0.5
_MS = SAMPLE_RATE // 1000


@dataclass(frozen=True, slots=True)
class PeerText:
    """A text and when it arrived, in seconds on the run's clock. It is for the samples [start, end) of the session."""

    at: float
    start: int
    end: int
    text: str
    # Whether it is finished. Otherwise a later text may replace it.
    final: bool


def timed(ledger: LoadLedger, texts: Sequence[PeerText]) -> LoadLedger:
    """A ledger with a final for each clip that has one, to score latencies and missing finals."""
    events = list(_clip_events(ledger, sorted(texts, key=lambda text: text.at)))
    return replace(ledger, events=sorted(events, key=lambda event: event[0]))


def written(ledger: LoadLedger, texts: Sequence[PeerText]) -> LoadLedger:
    """A ledger with all text as finals, to score word errors."""
    shown = [_first_shown(texts)] if texts and not texts[-1].final else []
    events: list[tuple[float, ServerMessage]] = [
        (text.at, _final(1, text.text, text.start, text.end))
        for text in [*(text for text in texts if text.final), *shown]
    ]
    return replace(ledger, events=events)


def _first_shown(texts: Sequence[PeerText]) -> PeerText:
    """The last text, with the times that it had at first: they move when a server drops silence from its buffer."""
    since = max((text.at for text in texts if text.final), default=0.0)
    return next(text for text in texts if text.text == texts[-1].text and text.at >= since and not text.final)


def _clip_events(ledger: LoadLedger, texts: Sequence[PeerText]) -> Iterator[tuple[float, ServerMessage]]:
    utterance = 0
    for placement, first, last in sent_speech(ledger):
        answered = _answered_at(texts, first, last)
        if answered is None:
            continue
        utterance += 1
        shown = next((text for text in texts if text.text and _concerns(text, first, last)), None)
        if shown and shown.at < answered:
            yield shown.at, _partial(utterance, shown.text, first, last)
        yield answered, _final(utterance, placement.clip.text, first, last)


def _answered_at(texts: Sequence[PeerText], first: int, last: int) -> float | None:
    """When the first finished text arrived that contains the end of speech."""
    enough = last - round(TOLERANCE_S * SAMPLE_RATE)
    finished = (text for text in texts if text.final and text.end > enough and _concerns(text, first, last))
    return min((text.at for text in finished), default=None)


def _concerns(text: PeerText, first: int, last: int) -> bool:
    shared = min(text.end, last + 1) - max(text.start, first)
    return shared >= min(SHARED_S * SAMPLE_RATE, text.end - text.start)


def _partial(utterance: int, text: str, first: int, last: int) -> Partial:
    return Partial(
        utterance=utterance,
        revision=1,
        committed="",
        tentative=text,
        language=LANGUAGE,
        start_ms=first // _MS,
        end_ms=-(-(last + 1) // _MS),
    )


def _final(utterance: int, text: str, first: int, last: int) -> Final:
    times = {"start_ms": max(0, first) // _MS, "end_ms": -(-(last + 1) // _MS)}
    return Final(utterance=utterance, text=text.strip(), language=LANGUAGE, confidence=1.0, **times)
