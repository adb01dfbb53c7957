"""More speech than the workers can serve, briefly: `make overload` asks for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.overload import Options, describe, overload


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_too_much_speech_is_refused_at_the_door_and_what_was_let_in_is_served(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(minutes=0.5, cost=0.1, every_s=0.5, calm_s=20.0)
    report = await overload(options, artifacts / "overload", lambda line: None)
    with capsys.disabled():
        print(f"\n{describe(report)}")
    assert report.wrong == []
    assert report.refused > 0
    assert report.most_held < report.offered
    assert report.phases["overloaded"]["p95"] < 10
    assert report.phases["overloaded"]["partials"] < report.phases["before"]["partials"]
