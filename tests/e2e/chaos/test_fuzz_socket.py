"""Bad clients at a real gateway: each is refused by name, and nobody else notices. `make fuzz` goes on for longer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.chaos.clients.hostile_clients import documented
from tests.chaos.fuzz import describe, fuzz

SECONDS = 20.0


def test_the_documentation_gives_every_error_code_its_close_code() -> None:
    codes = documented()
    assert codes["misaligned_audio"] == {1007}
    assert codes["unknown_type"] == {None}
    assert codes["taken_over"] == {4001}
    assert len(codes) > 15


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_bad_clients_are_refused_by_name_and_nobody_else_notices(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("NOVA_FUZZ_SEED", "0"))
    report = await fuzz(SECONDS, seed, artifacts / "fuzz", lambda line: None)
    with capsys.disabled():
        print(f"\n{describe(report)}")
    assert report.wrong == []
    assert report.connections.total() > 100, "hardly anybody came: the test shows nothing"
    assert len(report.refusals) > 5
    assert report.finals > 0
    assert report.garbage_finals > 0
