"""Says on standard error, and in JSON lines, when a sink fails and when it works again."""

import json

from backend.cli.sinks.delivery import SinkReport
from backend.cli.terminal.streams import echo_json
from backend.local.discovery import print_status


class SinkReporter:
    """Prints reports. `dropped` counts the captions that did not reach a sink."""

    def __init__(self, *, as_json: bool) -> None:
        self.dropped = 0
        self._as_json = as_json

    def report(self, report: SinkReport) -> None:
        """Print a report."""
        self.dropped += report.dropped
        print_status(_line(report))
        if self._as_json:
            fields = {"sink": report.sink, "message": report.message, "dropped": report.dropped}
            echo_json(json.dumps({"type": f"sink_{report.state}", **fields}, ensure_ascii=False))


def _line(report: SinkReport) -> str:
    """A line for people, such as "Zoom: it cannot be reached; retrying"."""
    said = {
        "failing": f"{report.message}; retrying",
        "restored": "captions arrive again",
        "closed": f"{report.message}; it gets no more captions",
        "ended": report.message,
    }[report.state]
    missing = f"{report.dropped} captions were not sent" if report.dropped else ""
    return f"{report.sink}: {'; '.join(filter(None, (said, missing)))}"
