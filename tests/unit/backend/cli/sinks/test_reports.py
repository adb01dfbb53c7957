"""Reports about sinks, on standard error and in JSON lines."""

import json

import pytest

from backend.cli.sinks.delivery import SinkReport
from backend.cli.sinks.reports import SinkReporter


def test_reports_are_lines_for_people_and_count_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    reporter = SinkReporter(as_json=False)
    reporter.report(SinkReport("Zoom", "failing", "it cannot be reached"))
    reporter.report(SinkReport("Zoom", "restored", "", 12))
    reporter.report(SinkReport("OBS", "closed", "the password is wrong"))
    reporter.report(SinkReport("OBS", "ended", "", 3))
    output = capsys.readouterr()
    assert output.err.split("\n") == [
        "  Zoom: it cannot be reached; retrying",
        "  Zoom: captions arrive again; 12 captions were not sent",
        "  OBS: the password is wrong; it gets no more captions",
        "  OBS: 3 captions were not sent",
        "",
    ]
    assert (output.out, reporter.dropped) == ("", 15)


def test_reports_are_also_json_lines(capsys: pytest.CaptureFixture[str]) -> None:
    SinkReporter(as_json=True).report(SinkReport("YouTube (es)", "restored", "", 2))
    assert json.loads(capsys.readouterr().out) == {
        "type": "sink_restored",
        "sink": "YouTube (es)",
        "message": "",
        "dropped": 2,
    }
