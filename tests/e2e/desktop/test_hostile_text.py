"""Text of a model or a server is never executed: in a real browser, with the headers of a real gateway."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from backend.local.system import running
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import drive, silence, write
from tests.testkit.system.plans import system_plan

TEXTS = [
    '<img src=x onerror="globalThis.ran.push(1)">',
    "<script>globalThis.ran.push(2)</script>",
    '<svg onload="globalThis.ran.push(3)"><a href="javascript:globalThis.ran.push(4)">a</a></svg>',
    '"><iframe srcdoc="<script>parent.ran.push(5)</script>"></iframe>',
    "javascript:globalThis.ran.push(6)",
    "<style>body { display: none }</style></main><base href=//example.org>",
    "&lt;b&gt; &#60;i&#62; {{7*7}} ${7*7} %3Cb%3E",
    "photo \u202egnp.exe\u202c \u2066hidden\u2069 \u200b",
    "=cmd|' /C calc'!A0",
    "00:00:01,000 --> 00:00:09,000",
    "word" * 1_000,
]


@pytest.fixture(scope="module")
def report(browser: str, artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The texts, exports and faults of the page and the desktop client."""
    folder = tmp_path_factory.mktemp("hostile")
    write(silence(20.0), folder / "hostile-text.wav")
    (folder / "texts.json").write_text(json.dumps(TEXTS))

    async def show() -> Any:
        told = ("--texts", str(folder / "texts.json"))
        async with running(system_plan(folder / "logs"), silent) as system:
            return await drive(browser, "hostile-text", system.urls[0], folder / "hostile-text.wav", artifacts, *told)

    return asyncio.run(show())


def test_no_hostile_text_runs_a_script_or_becomes_an_element(report: Any) -> None:
    for window in (report["page"], report["desktop"], report["desktop"]["overlay"]):
        assert window["ran"] == []
        assert window["created"] == []
        assert window["violations"] == []
        assert window["outside"] == 0, "a long word widens the window"
    assert report["consoleErrors"] == []


def test_hostile_text_is_shown_as_it_is(report: Any) -> None:
    for window in (report["page"], report["desktop"]):
        assert window["committed"] == [*TEXTS, TEXTS[0]]
        assert window["translations"] == TEXTS
        assert [notice.removesuffix("×") for notice in window["notices"]] == [TEXTS[0]] * 2
    # The texts arrive at once, so the overlay may skip all but the last, which is still being spoken.
    assert TEXTS[0] in "".join(report["desktop"]["drawn"])


def test_exports_keep_hostile_text_and_cannot_be_misread(report: Any) -> None:
    exported = report["page"]["downloads"]
    assert exported["txt"].splitlines() == [text.strip() for text in TEXTS]
    assert [said["text"] for said in json.loads(exported["json"])["utterances"]] == TEXTS
    assert "<" not in exported["vtt"]
    for subtitles in (exported["srt"], exported["vtt"]):
        timings = [line for line in subtitles.splitlines() if "-->" in line]
        assert len(timings) == sum(block[0].isdigit() for block in subtitles.split("\n\n") if block)


def test_the_browser_would_report_text_that_is_inserted_without_escaping(report: Any) -> None:
    assert report["canary"]["created"] == ['<img src="x" onerror="globalThis.ran.push(1)">']
    assert any("script-src" in violation for violation in report["canary"]["violations"])
