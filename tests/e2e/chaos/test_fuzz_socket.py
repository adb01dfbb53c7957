"""Hostile clients at a real gateway: each is refused with a documented code, and other sessions are not affected.

`make fuzz` runs for longer.
"""

import os
from pathlib import Path

import pytest

from tests.chaos.clients.hostile_clients import documented
from tests.chaos.fuzz import describe, fuzz
from tests.testkit.cli import silent

SECONDS = 20.0


def test_the_documentation_gives_the_close_code_of_each_error_code() -> None:
    codes = documented()
    assert codes["misaligned_audio"] == {None}
    assert codes["invalid_json"] == {1007, None}
    assert codes["unknown_type"] == {None}
    assert codes["taken_over"] == {4001}
    assert len(codes) > 15


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_hostile_clients_are_refused_and_do_not_affect_other_sessions(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("NOVA_FUZZ_SEED", "0"))
    report = await fuzz(SECONDS, seed, artifacts / "fuzz", silent)
    with capsys.disabled():
        print(f"\n{describe(report)}")
    assert report.wrong == []
    assert report.connections.total() > 100, "too few hostile clients: the test proves nothing"
    assert len(report.refusals) > 5
    assert report.finals > 0
    assert report.hostile_finals > 0
