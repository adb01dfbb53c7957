"""The checks of a storm report every loss, duplicate and mix-up."""

from collections.abc import Callable

import numpy as np
import pytest

from backend.messages.protocol import Error, Final, Translation
from gateway.session.segmenter import WINDOW
from stt_worker.recognizers.null import transcript
from tests.chaos.checks import Checks, differences, duplicated, uncovered
from tests.testkit.audio.reference import Reference
from tests.testkit.session import FRAME, RATE, ClientLedger

SENT = np.random.default_rng(1).integers(-9_000, 9_000, 10 * RATE + 100).astype(np.int16)
# Of the utterances, in windows. The last one contains padding after the last sample.
BOUNDS = ((0, 60), (90, 150), (200, 316))
SPEECH = ((9, 54), (99, 144), (209, 307))
EXPECTED = Reference(
    tuple((start * WINDOW, end * WINDOW) for start, end in BOUNDS),
    tuple(np.arange(start, end) * WINDOW for start, end in SPEECH),
)


def final(number: int, start: int, end: int) -> Final:
    """A final of these windows, as the null recognizer makes it."""
    times = {"start_ms": start * WINDOW // 16, "end_ms": end * WINDOW // 16}
    empty = Final(utterance=number, text="", language="en", confidence=1.0, translate_to=("en",), **times)
    return empty.model_copy(update={"text": transcript(ClientLedger.for_audio(SENT).audio_of(empty))})


def correct_ledger() -> ClientLedger:
    """A session without any loss."""
    ledger = ClientLedger.for_audio(SENT)
    ledger.session, ledger.logged = "s", [1, 2, 3]
    ledger.sent_at = [at / RATE for at in range(FRAME, len(ledger.pcm) + FRAME, FRAME)]
    for number, (start, end) in enumerate(BOUNDS, 1):
        result = final(number, start, end)
        translation = Translation(utterance=number, language="en", text=result.text, is_final=True)
        ledger.events += [(result.end_ms / 1000 + 0.5, result), (result.end_ms / 1000 + 0.6, translation)]
    return ledger


def wrong(ledger: ClientLedger) -> list[str]:
    return differences(ledger, EXPECTED, Checks(translations=True))


def test_a_session_without_loss_has_no_difference() -> None:
    ledger = correct_ledger()
    assert wrong(ledger) == []
    assert ledger.bounds == set(EXPECTED.utterances)
    assert max(ledger.latencies()) <= 0.6
    assert ledger.longest_wait() <= 0.6


def lose(ledger: ClientLedger) -> None:
    ledger.events = [(at, event) for at, event in ledger.events if getattr(event, "utterance", 0) != 2]


def swap(ledger: ClientLedger) -> None:
    ledger.events[0], ledger.events[2] = ledger.events[2], ledger.events[0]


def mix_up(ledger: ClientLedger) -> None:
    at, second = ledger.finals[1]
    ledger.events[2] = (at, second.model_copy(update={"text": ledger.finals[0][1].text}))


def shift(ledger: ClientLedger) -> None:
    at, second = ledger.finals[1]
    ledger.events[2] = (at, second.model_copy(update={"end_ms": second.end_ms + 32}))


def overlap(ledger: ClientLedger) -> None:
    ledger.events[2] = (ledger.events[2][0], final(2, 59, 150))


def translate_twice(ledger: ClientLedger) -> None:
    ledger.events.append(ledger.events[-1])


def leave_untranslated(ledger: ClientLedger) -> None:
    del ledger.events[-1]


def fail(ledger: ClientLedger) -> None:
    ledger.events.append((9.0, Error(code="dead_lettered", message="no", utterance=2)))


def log_twice(ledger: ClientLedger) -> None:
    ledger.logged.insert(2, 2)


def break_off(ledger: ClientLedger) -> None:
    ledger.error = TimeoutError()


@pytest.mark.parametrize(
    ("damage", "difference"),
    [
        (lose, "finals missing: [2]"),
        (lose, "no final covers the speech from 3168 to 4608 ms"),
        (lose, "the log has 3 finals, the client 2"),
        (swap, "finals out of order: [1]"),
        (mix_up, "utterance 2 (2880 to 4800 ms) has the text of other audio"),
        (shift, "utterance 2 (2880 to 4832 ms) has the text of other audio"),
        (overlap, "utterance 2 starts at 1888 ms, before 1 ends at 1920 ms"),
        (translate_twice, "translations duplicated: [(3, 'en')]"),
        (leave_untranslated, "translations missing: [(3, 'en')]"),
        (fail, "error dead_lettered: no"),
        (log_twice, "finals in the log duplicated: [2]"),
        (break_off, "ended by TimeoutError"),
    ],
)
def test_every_kind_of_damage_is_reported(damage: Callable[[ClientLedger], None], difference: str) -> None:
    ledger = correct_ledger()
    damage(ledger)
    assert difference in wrong(ledger)


@pytest.mark.parametrize(
    ("pieces", "stretches"),
    [
        ([(90, 150)], []),
        ([(102, 150)], [(99, 102, True)]),  # 96 ms at an edge: the detector restarted
        ([(103, 150)], [(99, 103, False)]),
        ([(90, 120), (121, 150)], [(120, 121, False)]),  # within an utterance, one window is too much
        ([], [(99, 144, False)]),
    ],
)
def test_only_a_short_edge_of_an_utterance_may_be_uncovered(
    pieces: list[tuple[int, int]], stretches: list[tuple[int, int, bool]]
) -> None:
    ledger = ClientLedger.for_audio(SENT)
    ledger.events = [(0.0, final(number, start, end)) for number, (start, end) in enumerate(pieces, 1)]
    expected = Reference(EXPECTED.utterances[1:2], EXPECTED.speech[1:2])
    assert uncovered(ledger, expected) == [
        (start * WINDOW, end * WINDOW, explained) for start, end, explained in stretches
    ]


def test_a_short_utterance_without_a_final_is_not_an_edge() -> None:
    expected = Reference(((0, 9 * WINDOW),), (np.array([4, 5]) * WINDOW,))
    assert uncovered(ClientLedger.for_audio(SENT), expected) == [(4 * WINDOW, 6 * WINDOW, False)]


def test_a_number_that_occurs_three_times_is_reported_once() -> None:
    assert duplicated([1, 2, 2, 2, 3, 3]) == [2, 3]
