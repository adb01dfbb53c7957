"""A short overload: more speech than the worker can serve. `make overload` runs a long one."""

from pathlib import Path

import pytest

from tests.chaos.overload import Options, describe, overload
from tests.testkit.cli import silent


@pytest.mark.slow
@pytest.mark.timeout(200)
async def test_excess_sessions_are_refused_and_admitted_sessions_are_served(
    artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(minutes=0.5, cost=0.1, every_s=0.5, calm_s=20.0)
    report = await overload(options, artifacts / "overload", silent)
    with capsys.disabled():
        print(f"\n{describe(report)}")
    assert report.wrong == []
    assert report.refused > 0
    assert report.max_concurrent < report.offered
    overloaded = report.phases["overloaded"].latency_s
    assert overloaded is not None
    assert overloaded.p95 < 10
    # Admission keeps the number of sessions at what fits, so the phases have about as many previews per final.
    assert report.notices.get("previews_slowed", 0) + report.notices.get("previews_stopped", 0) > 0
