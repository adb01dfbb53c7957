"""Prints the timeline of a call while it is played."""

import json
from collections.abc import Mapping
from typing import Any

import click

from backend.cli.calls import report
from backend.cli.calls.results import CallProblem, CallResult, CallTranslation, CallUtterance
from backend.cli.calls.timeline import CallTimeline
from backend.cli.terminal.streams import echo_json
from backend.text.printable import printable


class CallOutput:
    """Text for people, or JSON lines. `problems` counts the utterances and translations without text."""

    def __init__(self, timeline: CallTimeline, *, as_json: bool) -> None:
        self.timeline, self._as_json = timeline, as_json
        self.problems = 0

    def show(self, result: CallResult, now: float) -> None:
        """Print a result that arrived now."""
        match result:
            case CallUtterance():
                entry = self.timeline.add(result, now)
                self._print(report.final_json(entry), report.final_line(entry))
            case CallTranslation():
                self._show_translation(result, now)
            case CallProblem():
                self._show_problem(result)

    def finish(self) -> None:
        """Print the summary."""
        summary = self.timeline.summary()
        self._print(report.summary_json(summary), *report.summary_lines(summary))

    def _show_translation(self, translation: CallTranslation, now: float) -> None:
        if found := self.timeline.translated(translation, now):
            entry, latency_s = found
            line = report.translation_line(entry, translation, latency_s)
            self._print(report.translation_json(translation, latency_s), line)

    def _show_problem(self, problem: CallProblem) -> None:
        self.problems += 1
        if self._as_json:
            self._print(report.problem_json(problem))
        click.secho(f"nova: {printable(report.problem_line(problem))}", fg="red", err=True)

    def _print(self, body: Mapping[str, Any], *lines: str) -> None:
        if self._as_json:
            echo_json(json.dumps(body, ensure_ascii=False))
            return
        for line in lines:
            click.echo(printable(line))
