"""The sums of a kill storm: whatever is lost, doubled or mixed up, they say so."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from backend.messages.protocol import Error, Final, Translation
from gateway.session.segmenter import WINDOW
from stt_worker.recognizers.null import transcript
from tests.chaos.ledger import FRAME, RATE, Account, Reference, differences, doubled, uncovered

SENT = np.random.default_rng(1).integers(-9_000, 9_000, 10 * RATE + 100).astype(np.int16)
BOUNDS = ((0, 60), (90, 150), (200, 313))
"""Of the utterances, in windows; the last one holds zeros behind the last sample."""
SPEECH = ((9, 54), (99, 144), (209, 307))
HEARD = Reference(
    tuple((start * WINDOW, end * WINDOW) for start, end in BOUNDS),
    tuple(np.arange(start, end) * WINDOW for start, end in SPEECH),
)


def final(number: int, start: int, end: int) -> Final:
    """A final of these windows, as the null recognizer gives it."""
    place = {"start_ms": start * WINDOW // 16, "end_ms": end * WINDOW // 16}
    blank = Final(utterance=number, text="", language="en", confidence=1.0, translate_to=("en",), **place)
    return blank.model_copy(update={"text": transcript(Account(SENT).of(blank))})


def faithful() -> Account:
    """A session that was heard as it spoke."""
    account = Account(SENT, "s", sent_at=[at / RATE for at in range(FRAME, len(SENT) + FRAME, FRAME)], logged=[1, 2, 3])
    for number, (start, end) in enumerate(BOUNDS, 1):
        said = final(number, start, end)
        translation = Translation(utterance=number, language="en", text=said.text, is_final=True)
        account.events += [(said.end_ms / 1000 + 0.5, said), (said.end_ms / 1000 + 0.6, translation)]
    return account


def wrong(account: Account) -> list[str]:
    return differences(account, HEARD, checksums=True, translated=True, logged=True)


def test_what_was_heard_as_it_was_said_shows_no_difference() -> None:
    account = faithful()
    assert wrong(account) == []
    assert account.bounds == set(HEARD.utterances)
    assert max(account.latencies()) <= 0.6
    assert account.stall() <= 0.6


def lose(account: Account) -> None:
    account.events = [(at, event) for at, event in account.events if getattr(event, "utterance", 0) != 2]


def swap(account: Account) -> None:
    account.events[0], account.events[2] = account.events[2], account.events[0]


def mix_up(account: Account) -> None:
    at, said = account.finals[1]
    account.events[2] = (at, said.model_copy(update={"text": account.finals[0][1].text}))


def shift(account: Account) -> None:
    at, said = account.finals[1]
    account.events[2] = (at, said.model_copy(update={"end_ms": said.end_ms + 32}))


def overlap(account: Account) -> None:
    account.events[2] = (account.events[2][0], final(2, 59, 150))


def translate_twice(account: Account) -> None:
    account.events.append(account.events[-1])


def leave_untranslated(account: Account) -> None:
    del account.events[-1]


def fail(account: Account) -> None:
    account.events.append((9.0, Error(code="dead_lettered", message="no", utterance=2)))


def log_twice(account: Account) -> None:
    account.logged.insert(2, 2)


def break_off(account: Account) -> None:
    account.ended = "TimeoutError()"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lose, "finals missing: [2]"),
        (lose, "no final covers the speech from 3168 to 4608 ms"),
        (lose, "the log has 3 finals, the client 2"),
        (swap, "finals out of order: [1]"),
        (mix_up, "the text of utterance 2 is not of what was sent from 2880 to 4800 ms"),
        (shift, "the text of utterance 2 is not of what was sent from 2880 to 4832 ms"),
        (overlap, "utterance 2 starts at 1888 ms, before 1 ends at 1920 ms"),
        (translate_twice, "translations doubled: [(3, 'en')]"),
        (leave_untranslated, "translations missing: [(3, 'en')]"),
        (fail, "error dead_lettered: no"),
        (log_twice, "finals in the log doubled: [2]"),
        (break_off, "ended by TimeoutError()"),
    ],
)
def test_every_kind_of_damage_is_told_in_words(damage: Callable[[Account], None], words: str) -> None:
    account = faithful()
    damage(account)
    assert words in wrong(account)


@pytest.mark.parametrize(
    ("pieces", "holes"),
    [
        ([(90, 150)], []),
        ([(102, 150)], [(99, 102, True)]),  # 96 ms at an edge: the detector began anew
        ([(103, 150)], [(99, 103, False)]),
        ([(90, 120), (121, 150)], [(120, 121, False)]),  # in the middle not even one window
        ([], [(99, 144, False)]),
    ],
)
def test_speech_may_lack_at_an_edge_only_and_hardly_any(
    pieces: list[tuple[int, int]], holes: list[tuple[int, int, bool]]
) -> None:
    account = Account(SENT, events=[(0.0, final(n, start, end)) for n, (start, end) in enumerate(pieces, 1)])
    heard = Reference(HEARD.utterances[1:2], HEARD.speech[1:2])
    assert uncovered(account, heard) == [(start * WINDOW, end * WINDOW, explained) for start, end, explained in holes]


def test_a_short_utterance_that_lacks_whole_is_no_edge() -> None:
    heard = Reference(((0, 9 * WINDOW),), (np.array([4, 5]) * WINDOW,))
    assert uncovered(Account(SENT), heard) == [(4 * WINDOW, 6 * WINDOW, False)]


def test_doubles_are_counted_once_each() -> None:
    assert doubled([1, 2, 2, 2, 3, 3]) == [2, 3]
