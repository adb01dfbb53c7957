"""Captions reach services that answer as YouTube, Zoom and OBS document it, and that fail in each documented way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal

import pytest

from backend.cli.sinks import delivery
from backend.cli.sinks.delivery import CaptionDelivery, CaptionSink, SinkReport
from backend.cli.sinks.errors import SinkError
from backend.cli.sinks.fan_out import CaptionSinks
from backend.cli.sinks.vendors import http_sinks
from backend.cli.sinks.vendors.http_sinks import YouTubeSink, ZoomSink
from backend.cli.sinks.vendors.obs_sink import ObsSink
from tests.testkit.servers.caption_services import SECRET, Failure, ObsService, caption_service, obs_service
from tests.unit.backend.cli.sinks.captions import caption, utterance

pytestmark = pytest.mark.timeout(60)
TEXTS = ("The first.", "The second.", "The third.")
ALL = " ".join(TEXTS)


@pytest.fixture(autouse=True)
def short_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Real times would make the tests take a minute."""
    monkeypatch.setattr(delivery, "BASE_S", 0.05)
    monkeypatch.setattr(delivery, "CAP_S", 0.2)
    for sink in (YouTubeSink, ZoomSink, ObsSink):
        monkeypatch.setattr(sink, "pause_s", lambda *_: 0.01)


@asynccontextmanager
async def sending(sink: CaptionSink, max_age_s: float = 30) -> AsyncIterator[tuple[CaptionSinks, list[SinkReport]]]:
    reports: list[SinkReport] = []
    sinks = CaptionSinks([CaptionDelivery(sink, None, max_age_s, reports.append)], began_at=0.0)
    async with sinks.running():
        yield sinks, reports


def speak(sinks: CaptionSinks) -> None:
    for text in TEXTS:
        sinks.append(None, utterance(text, language="es"))


FAILURES: list[Failure] = [400, 403, 405, 429, 500, 503, 301, "drop", "slow", "accept_and_drop"]


@pytest.mark.parametrize(("kind", "create"), [("youtube", YouTubeSink), ("zoom", ZoomSink)])
async def test_requests_that_fail_are_repeated_with_their_numbers(
    kind: Literal["youtube", "zoom"], create: Callable[[str], CaptionSink], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_sinks, "TIMEOUT_S", 1.0)
    with caption_service(kind, FAILURES) as service:
        async with sending(create(service.url)) as (sinks, reports):
            speak(sinks)
            await service.wait_for(lambda service: service.text == ALL)
    assert (service.script, service.errors) == ([], [])
    assert service.last == len(service.bodies)
    states = [report.state for report in reports if report.state != "ended"]
    assert states == ["failing", "restored"] * (len(states) // 2)
    assert reports[0].message == "the stream or the meeting has not started (HTTP 400)"
    assert sum(report.dropped for report in reports) == 0
    assert SECRET not in str(reports)


async def test_captions_that_wait_for_youtube_are_sent_together() -> None:
    with caption_service("youtube", [500, 500]) as service:
        async with sending(YouTubeSink(service.url)) as (sinks, reports):
            speak(sinks)
            await service.wait_for(lambda service: service.text == ALL)
        assert service.bodies == [
            "1970-01-01T00:00:00.000\nThe first.\n1970-01-01T00:00:00.000\nThe second.\n"
            "1970-01-01T00:00:00.000\nThe third.\n"
        ]
    assert reports[-1] == SinkReport("YouTube", "ended", "to continue in the same stream, append &seq=2 to the URL")


async def test_youtube_continues_with_the_number_in_the_url() -> None:
    with caption_service("youtube", last=41) as service:
        async with sending(YouTubeSink(f"{service.url}&seq=42")) as (sinks, _):
            sinks.append(None, utterance("Again."))
            await service.wait_for(lambda service: service.text == "Again.")
    assert (service.last, service.errors) == (42, [])


async def test_a_number_that_youtube_may_have_used_is_not_used_for_other_captions() -> None:
    """The caption was accepted, its answer was lost, and it became too old before it could be repeated."""
    with caption_service("youtube", ["accept_and_drop", 500]) as service:
        sink = YouTubeSink(service.url)
        with pytest.raises(SinkError):
            await sink.send([caption("Accepted.")])
        sink.abandon()
        with pytest.raises(SinkError):
            await sink.send([caption("Refused.")])
        sink.abandon()
        await sink.send([caption("Later.")])
        await sink.close()
    assert (service.text, service.last, service.errors) == ("Accepted. Later.", 2, [])


async def test_zoom_continues_after_the_last_caption_of_the_meeting_in_the_language_of_the_text() -> None:
    with caption_service("zoom", last=17) as service:
        async with sending(ZoomSink(service.url)) as (sinks, reports):
            speak(sinks)
            await service.wait_for(lambda service: service.text == ALL)
    assert (service.last, service.errors, reports) == (20, [], [])
    assert service.bodies == [f"{text}\n" for text in TEXTS]
    assert service.languages == ["es-ES"] * 3


async def test_a_service_that_cannot_be_reached_is_reported_without_its_url() -> None:
    async with sending(ZoomSink(f"http://127.0.0.1:1/closedcaption?id={SECRET}"), 0.2) as (sinks, reports):
        await asyncio.sleep(0.2)
        speak(sinks)
        await asyncio.sleep(0.5)
    assert [(report.state, report.message) for report in reports[:1]] == [("failing", "it cannot be reached")]
    assert sum(report.dropped for report in reports) == len(TEXTS)
    assert SECRET not in str(reports)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(15):
        while not condition():  # noqa: ASYNC110 - the reports of sinks have no event
            await asyncio.sleep(0.02)


async def shown(service: ObsService, *texts: str) -> None:
    await until(lambda: service.texts == list(texts))


async def test_obs_shows_captions_after_the_password_was_proved() -> None:
    async with (
        obs_service("supersecretpassword") as service,
        sending(ObsSink(service.url, "supersecretpassword")) as (sinks, reports),
    ):
        speak(sinks)
        await shown(service, *TEXTS)
    assert (service.connections, reports) == (1, [])


@pytest.mark.parametrize("code", [501, 205, 1001, 1011])
async def test_obs_gets_a_caption_again_after_an_error(code: int) -> None:
    """501: OBS is not streaming. Close codes: OBS was closed, and started again."""
    async with obs_service(script=[100, code]) as service, sending(ObsSink(service.url, "")) as (sinks, reports):
        speak(sinks)
        await shown(service, *TEXTS)
    assert [report.state for report in reports] == ["failing", "restored"]
    assert service.connections == (2 if code > 1000 else 1)


@pytest.mark.parametrize(
    ("given", "script", "message"),
    [
        ("wrong", [], "the password is wrong"),
        ("", [], "it requires a password: NOVA_OBS_PASSWORD"),
        ("right", [4011], "OBS has ended the connection"),
        ("right", [204], "this version of OBS cannot send captions"),
    ],
)
async def test_obs_is_not_asked_again_when_that_is_useless_or_forbidden(
    given: str, script: list[int], message: str
) -> None:
    async with obs_service("right", script) as service, sending(ObsSink(service.url, given)) as (sinks, reports):
        speak(sinks)
        await until(lambda: bool(reports))
        await asyncio.sleep(0.3)
    assert (reports[0].state, reports[0].message) == ("closed", message)
    assert (service.connections, service.texts) == (1, [])
    assert sum(report.dropped for report in reports) == len(TEXTS)


@pytest.mark.parametrize("first", ["", "hello", "[]", '{"op":5,"d":{}}', "x" * 100_000])
async def test_another_server_in_place_of_obs_is_reported_and_tried_again(first: str) -> None:
    async with obs_service(first=first) as service, sending(ObsSink(service.url, "")) as (_, reports):
        await until(lambda: service.connections >= 2)
    assert reports[0].state == "failing"
    assert service.texts == []


async def test_a_service_that_is_down_delays_no_other() -> None:
    reports: list[SinkReport] = []
    async with AsyncExitStack() as stack:
        down = stack.enter_context(caption_service("zoom", ["drop"] * 10_000))
        quick = stack.enter_context(caption_service("youtube"))
        obs = await stack.enter_async_context(obs_service())
        all_three = (ZoomSink(down.url), YouTubeSink(quick.url), ObsSink(obs.url, ""))
        sinks = CaptionSinks([CaptionDelivery(sink, None, 30, reports.append) for sink in all_three], began_at=0.0)
        async with sinks.running():
            speak(sinks)
            await quick.wait_for(lambda service: service.text == ALL)
            await shown(obs, *TEXTS)
            assert down.bodies == []
            down.script.clear()
            await down.wait_for(lambda service: service.text == ALL)
    assert down.errors == []


@pytest.mark.parametrize("answer", ["--5", "\u0663", "9" * 4_000, "", "<html>"])
async def test_an_answer_of_another_server_in_place_of_zoom_is_an_error(answer: str) -> None:
    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = answer.encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        writer.close()

    async with await asyncio.start_server(respond, "127.0.0.1", 0) as server:
        sink = ZoomSink(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/closedcaption?id={SECRET}")
        with pytest.raises(SinkError, match="does not say the number"):
            await sink.connect()
        await sink.close()
