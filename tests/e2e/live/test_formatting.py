"""Formatted texts and scripts in live sessions: a real gateway, Redis and worker, whose endpoint gives a known text."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.client.client import Client
from backend.local.discovery import stream_url
from backend.local.system import System, running
from backend.messages.options import Formatting
from backend.messages.protocol import Final, Notice, Partial, ServerMessage, Start
from tests.conftest import run_in_thread
from tests.testkit.audio.clips import RATE, Clip, shortest_clip
from tests.testkit.cli import silent
from tests.testkit.servers.speech_endpoint import Answer, Endpoint, Request
from tests.testkit.servers.threads import serve_in_thread
from tests.testkit.system.plans import NO_LOAD_LIMIT, system_plan

SPOKEN = "Um, I have twenty five fucking cats and thirty percent more dogs."
WRITTEN = "I have 25 f****** cats and 30% more dogs."
# Texts in other languages, in parts that grow.
PARTS = {
    "zh": ("他在", "二零二六年", "五月", "二十三日", "付了", "三百", "五十", "块钱", "，", "谢谢", "大家"),
    "sr": ("Љубав ", "и ", "мир, ", "њих ", "двоје ", "у ", "Београду."),
}
ALL: tuple[Formatting, ...] = ("fillers", "profanity", "numerals")
SPEECH_S = 6.0


def growing_text(request: Request) -> Answer:
    """As many words of the text as the audio is long."""
    (language,) = request.fields.get("language", ["en"])
    words = PARTS.get(language) or [f"{word} " for word in SPOKEN.split()]
    said = len(words) if request.samples / RATE >= SPEECH_S - 1 else round(2 * request.samples / RATE)
    return Answer(200, {"text": "".join(words[: max(1, said)]).strip(), "language": language})


@pytest.fixture(scope="module")
def remote_system(artifacts: Path) -> Iterator[System]:
    endpoint = Endpoint()
    endpoint.answer = growing_text
    with serve_in_thread(endpoint.server):
        plan = system_plan(artifacts / "formatting", environment=NO_LOAD_LIMIT, stt_model=endpoint.url)
        with run_in_thread(running(plan, silent)) as up:
            yield up


@pytest.fixture(scope="module")
def speech(speech_clips: list[Clip]) -> NDArray[np.int16]:
    """[n] int16, 16 kHz: uninterrupted speech of 6 s."""
    clip = shortest_clip(speech_clips, 2.0).pcm()[: 2 * RATE]
    return np.tile(clip, 3)


async def caption(system: System, speech: NDArray[np.int16], start: Start) -> list[ServerMessage]:
    """The events of a session that speaks in real time."""
    async with asyncio.timeout(60), Client.connect(stream_url(system.urls[0]), start) as client:
        for at in range(0, len(speech), RATE // 5):
            await client.send(speech[at : at + RATE // 5].tobytes())
            await asyncio.sleep(0.2)
        await client.stop()
        return [event async for event in client]


async def test_partials_and_the_final_are_formatted_and_agree(remote_system: System, speech: NDArray[np.int16]) -> None:
    start = Start(language="en", formatting=ALL, words=True, partial_words=True, endpoint_ms=2_000, clause_ms=0)
    events = await caption(remote_system, speech, start)
    (final,) = [event for event in events if isinstance(event, Final) and event.text]
    assert final.text == WRITTEN
    assert "".join(word.word for word in final.words or ()).strip() == final.text
    partials = [event for event in events if isinstance(event, Partial)]
    assert any(partial.committed for partial in partials)
    for before, after in zip([None, *partials], [*partials, None], strict=True):
        text = final.text if after is None else after.committed
        assert before is None or text.startswith(before.committed)
    assert not any("fucking" in partial.committed + partial.tentative for partial in partials)


async def test_a_session_that_asks_for_nothing_gets_the_text_of_the_recognizer(
    remote_system: System, speech: NDArray[np.int16]
) -> None:
    events = await caption(remote_system, speech, Start(language="en", endpoint_ms=2_000, clause_ms=0))
    assert [event.text for event in events if isinstance(event, Final)] == [SPOKEN]


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("zh", "他在2026年5月23日付了350块钱，谢谢大家"),
        ("zh-TW", "他在2026年5月23日付了350塊錢，謝謝大家"),
        ("sr-Latn", "Ljubav i mir, njih dvoje u Beogradu."),
        ("sr-Cyrl", "Љубав и мир, њих двоје у Београду."),
    ],
)
async def test_the_text_has_the_script_of_the_code_and_digits(
    remote_system: System, speech: NDArray[np.int16], language: str, written: str
) -> None:
    start = Start(language=language, formatting=("numerals",), endpoint_ms=2_000, clause_ms=0)
    events = await caption(remote_system, speech, start)
    (final,) = [event for event in events if isinstance(event, Final) and event.text]
    assert final.text == written
    committed = [event.committed for event in events if isinstance(event, Partial)]
    assert any(committed)
    assert all(later.startswith(earlier) for earlier, later in pairwise([*committed, final.text]))
    assert not [event for event in events if isinstance(event, Notice) and event.code == "script_not_written"]


async def test_a_script_that_is_not_written_is_reported(remote_system: System, speech: NDArray[np.int16]) -> None:
    events = await caption(remote_system, speech[:RATE], Start(language="sr-Arab", endpoint_ms=2_000))
    (notice,) = [event for event in events if isinstance(event, Notice) and event.code == "script_not_written"]
    assert "Arab" in notice.message
