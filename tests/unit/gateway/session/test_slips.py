"""The verdict on each kind of message in each state, and the mistakes that are tolerated."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.session.slips import VERDICTS, SlipAllowance, State, rejection
from tests.paths import ROOT

WORDS = {
    "accepted": "accept",
    "ignored": "ignore",
    "error": "error",
    "first time error, then ignored": "once",
    "fatal error": "fatal",
}


def test_the_protocol_reference_has_the_same_table() -> None:
    text = (ROOT / "docs" / "reference" / "protocol.md").read_text()
    _, _, section = text.partition("## Messages in the wrong state")
    rows = re.findall(r"^\| (\S+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|$", section.partition("\n## ")[0], re.MULTILINE)
    documented = {row[0].strip("`"): tuple(WORDS[cell] for cell in row[1:]) for row in rows if row[0] != "message"}
    states: tuple[State, ...] = ("new", "open", "stopping")
    assert documented == {kind: tuple(VERDICTS[state][kind] for state in states) for kind in VERDICTS["new"]}


@pytest.mark.parametrize("state", ["open", "stopping", "done"])
def test_no_message_is_fatal_after_start(state: State) -> None:
    assert "fatal" not in VERDICTS[state].values()
    assert VERDICTS[state].keys() == VERDICTS["new"].keys()


@pytest.mark.parametrize(
    ("state", "kind", "code", "fatal"),
    [
        ("new", "audio", "not_started", True),
        ("open", "start", "already_started", False),
        ("stopping", "resume", "already_started", False),
        ("stopping", "audio", "stopped", False),
    ],
)
def test_a_rejection_has_the_published_code(state: State, kind: str, code: str, fatal: bool) -> None:
    error = rejection(state, kind)
    assert (error.code, error.fatal) == (code, fatal)


@given(st.lists(st.floats(0, 10), max_size=300))
def test_mistakes_are_tolerated_up_to_a_burst_and_a_rate(pauses: list[float]) -> None:
    now, allowance = 1_000.0, SlipAllowance(1_000.0)
    tolerated = 0
    for pause in pauses:
        now += pause
        tolerated += allowance.spend(now)
        assert tolerated <= allowance.BURST + allowance.PER_S * (now - 1_000.0)
    assert tolerated == len(pauses) or len(pauses) > allowance.BURST


def test_a_flood_of_mistakes_ends_and_a_slow_series_does_not() -> None:
    allowance = SlipAllowance(0.0)
    assert [allowance.spend(0.0) for _ in range(101)] == [True] * 100 + [False]
    slow = SlipAllowance(0.0)
    assert all(slow.spend(float(second)) for second in range(1_000))
