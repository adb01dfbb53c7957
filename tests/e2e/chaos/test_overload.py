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
    overloaded, before = report.phases["overloaded"], report.phases["before"]
    assert overloaded.latency_s is not None
    assert overloaded.latency_s.p95 < 10
    assert overloaded.partials_per_final < before.partials_per_final
