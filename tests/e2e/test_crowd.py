"""Slow and many clients, briefly: nobody else waits for them. `python -m tests.testkit.crowd` compares for longer.

The p99 of a few finals on a busy machine is not a figure to fail by at 20 %: here each burden may at most double the
others' p95, and everybody must have heard exactly what they said.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.testkit.crowd import compare, describe
from tests.testkit.disturb import KINDS

MOST_GROWTH = 2.0


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_slow_and_many_clients_keep_nobody_else_waiting(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = await compare(1, 4.0, list(KINDS), artifacts / "crowd", lambda line: None)
    with capsys.disabled():
        print(f"\n{describe(found)}")
    assert found.wrong == []
    for kind in KINDS:
        assert len(found.disturbed[kind]) >= 10, "too few finals to say anything"
        assert found.growth(kind, 95) < MOST_GROWTH, kind
