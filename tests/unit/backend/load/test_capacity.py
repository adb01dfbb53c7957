"""The search for the number of sessions that a system can serve, and the objections to a step."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.load.capacity import PRECISION, find_capacity, objections
from backend.load.score import Score, Spread

TEXTS: dict[str, Any] = {"words": 400, "word_error_percent": 5.0, "recordings": {"a.wav": 40}}
SPEECH: dict[str, Any] = {**TEXTS, "erasure": 0.1, "committed": 100, "contradicted": 1}
DELAYS: dict[str, Any] = {
    "final_s": Spread(40, 0.8, 1.2, 1.4, 1.5),
    "lag_s": Spread(2_400, 0.0, 0.001, 0.002, 0.01),
    "ttfs_s": None,
    "worst_session_p95_s": None,
    "first_partial_s": None,
    "partial_gap_s": None,
}
UNSHOWN: dict[str, Any] = {"unshown": 0, "unshown_long": 0, "long": 20}
NO_FAILURES: dict[str, Any] = {"missing": (), "unheard": 0, "errors": {}, "refused": {}, "reconnects": 0, "invented": 0}
HELD = Score(sessions=4, spoken_s=240.0, finals=40, **UNSHOWN, **SPEECH, **DELAYS, **NO_FAILURES)


async def found(limit: int, first: int) -> tuple[int, list[int]]:
    tried: list[int] = []

    async def holds(sessions: int) -> bool:
        tried.append(sessions)
        return sessions <= limit

    return await find_capacity(holds, first), tried


@given(st.integers(0, 3_000), st.integers(1, 64))
async def test_the_answer_holds_and_is_within_the_precision_of_the_limit(limit: int, first: int) -> None:
    answer, tried = await found(limit, first)
    assert answer <= limit
    assert limit - answer <= answer // PRECISION
    assert len(tried) == len(set(tried))
    assert answer == 0 or answer in tried


async def test_the_search_doubles_until_a_step_fails_and_then_bisects() -> None:
    assert await found(11, 2) == (11, [2, 4, 8, 16, 12, 10, 11])


def test_a_step_within_all_limits_has_no_objections() -> None:
    assert objections(HELD, 1.2) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"final_s": Spread(9, 1.0, 2.1, 2.2, 2.3)}, "p95 is 2.10 s"),
        ({"final_s": None}, "no final"),
        ({"missing": ("session 1: no final of utterance 2",)}, "1 finals missing"),
        ({"errors": {"disconnected": 2}}, "2 errors (disconnected)"),
        ({"refused": {"overloaded": 3}}, "3 refused (overloaded)"),
        ({"lag_s": Spread(9, 0.0, 0.01, 0.06, 0.1)}, "late by 60 ms"),
    ],
)
def test_each_failed_criterion_is_an_objection(changed: dict[str, Any], said: str) -> None:
    (objection,) = objections(replace(HELD, **changed), 2.0)
    assert said in objection
