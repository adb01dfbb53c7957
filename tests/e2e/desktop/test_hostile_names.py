"""Names of files, windows and microphones, and stored texts, are shown as they are: in a real browser."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from backend.local.system import running
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import drive, silence, write
from tests.testkit.system.plans import system_plan

# Names that a file may have on Linux: everything except "/", up to 255 bytes.
NAMES = [
    '"><img src=x onerror="globalThis.ran.push(1)">.wav',
    "<svg onload=globalThis.ran.push(2)>.wav",
    "'--><style>body{display:none}<img src=x onerror=globalThis.ran.push(3)>.wav",
    "<select><option selected><iframe srcdoc='<img src=x onerror=parent.ran.push(4)>'>.wav",
    "javascript:globalThis.ran.push(5).wav",
    "&lt;b&gt; &#60;i&#62; {{7*7}} ${7*7} %3Cb%3E.wav",
    "photo \u202egnp.wav\u202c \u2066hidden\u2069 \u200b.exe.wav",
    "word" * 60 + ".wav",
]


@pytest.fixture(scope="module")
def report(browser: str, artifacts: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The names, texts and faults of the page and the desktop client."""
    folder = tmp_path_factory.mktemp("names")
    files = folder / "files"
    files.mkdir()
    for name in NAMES:
        write(silence(0.6), files / name)
    write(silence(20.0), folder / "hostile-names.wav")
    (folder / "names.json").write_text(json.dumps(NAMES))

    async def show() -> Any:
        told = ("--names", str(folder / "names.json"), "--files", str(files))
        async with running(system_plan(folder / "logs"), silent) as system:
            return await drive(browser, "hostile-names", system.urls[0], folder / "hostile-names.wav", artifacts, *told)

    return asyncio.run(show())


def test_no_name_runs_a_script_or_becomes_an_element(report: Any) -> None:
    views = ["page", "windows", "file", "played", "history", "opened", "settings", "restored", "dictation"]
    assert list(report["views"]) == views
    for name, view in report["views"].items():
        assert (view["ran"], view["created"], view["violations"]) == ([], [], []), name
        assert view["outside"] == 0, f"a long name widens the window: {name}"
    assert report["consoleErrors"] == []


def test_names_of_files_are_shown_as_they_are_and_the_files_are_played(report: Any) -> None:
    assert report["shown"]["files"] == NAMES
    assert report["played"] == 2


def test_names_of_windows_and_microphones_are_shown_as_they_are(report: Any) -> None:
    assert report["shown"]["microphones"] == report["shown"]["desktopMicrophones"] == NAMES
    assert report["shown"]["windows"] == NAMES


def test_stored_texts_are_shown_as_they_are(report: Any) -> None:
    longest, *titles = report["shown"]["history"]["titles"]
    assert titles == NAMES[-2::-1]
    assert longest == NAMES[-1][:90]
    assert report["shown"]["history"]["opened"] == NAMES[:1]
    assert report["shown"]["settings"]["dictionary"].split("\n") == NAMES
    assert report["shown"]["settings"]["address"] == NAMES[0]


def test_texts_that_the_shell_and_a_local_server_report_are_shown_as_they_are(report: Any) -> None:
    assert report["shown"]["cautions"] == NAMES[:2]
    assert report["shown"]["settings"]["cautions"] == [NAMES[1]]
    assert report["shown"]["settings"]["server"].endswith(f" {NAMES[0]}")


def test_the_browser_would_report_a_name_that_is_inserted_without_escaping(report: Any) -> None:
    assert report["canary"]["created"] == ['<img src="x" onerror="globalThis.ran.push(1)">']
    assert any("script-src" in violation for violation in report["canary"]["violations"])
