"""Captions reach a sink in order, also after it was down, and only while they are useful."""

import asyncio
from collections.abc import Sequence

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.sinks.captions import LiveCaption
from backend.cli.sinks.delivery import CaptionDelivery, SinkReport
from backend.cli.sinks.errors import SinkClosedError, SinkError
from backend.cli.sinks.fan_out import CaptionSinks
from tests.testkit.streams.virtual_time import virtual_time
from tests.unit.backend.cli.sinks.captions import utterance


class ScriptedSink:
    """Fails until `works_at`, and notes what it shows and when."""

    name, limits = "Screen", CueLimits()

    def __init__(self, works_at: float = 0.0, max_batch: int = 1, error: SinkError | None = None) -> None:
        self.max_batch = max_batch
        self.shown: list[tuple[str, ...]] = []
        self.attempts: list[tuple[str, ...]] = []
        self.abandoned, self.is_open = 0, True
        self._works_at, self._error = works_at, error or SinkError("it is down")

    async def connect(self) -> None:
        if isinstance(self._error, SinkClosedError):
            raise self._error

    async def send(self, captions: Sequence[LiveCaption]) -> None:
        texts = tuple(line for caption in captions for line in caption.lines)
        self.attempts.append(texts)
        if asyncio.get_running_loop().time() < self._works_at:
            raise self._error
        self.shown.append(texts)

    def abandon(self) -> None:
        self.abandoned += 1

    def pause_s(self, captions: Sequence[LiveCaption], waiting: int) -> float:
        return 1.0

    async def close(self) -> str:
        self.is_open = False
        return ""


def delivery(sink: ScriptedSink, reports: list[SinkReport], language: str | None = None) -> CaptionDelivery:
    return CaptionDelivery(sink, language, 30.0, reports.append)


async def speak(sinks: CaptionSinks, seconds: int, language: str | None = None) -> None:
    """One utterance every two seconds."""
    for second in range(0, seconds, 2):
        sinks.append(language, utterance(f"Word {second}."))
        await asyncio.sleep(2)


@virtual_time
async def test_captions_arrive_one_after_the_other() -> None:
    sink, reports = ScriptedSink(), list[SinkReport]()
    sinks = CaptionSinks([delivery(sink, reports)])
    async with sinks.running():
        await speak(sinks, 6)
    assert sink.shown == [("Word 0.",), ("Word 2.",), ("Word 4.",)]
    assert (reports, sink.is_open) == ([], False)


@virtual_time
async def test_a_sink_that_was_down_for_a_moment_gets_everything_in_order() -> None:
    sink, reports = ScriptedSink(works_at=20), list[SinkReport]()
    sinks = CaptionSinks([delivery(sink, reports)])
    async with sinks.running():
        await speak(sinks, 40)
    assert sink.shown == [(f"Word {second}.",) for second in range(0, 40, 2)]
    assert [(one.state, one.message, one.dropped) for one in reports] == [
        ("failing", "it is down", 0),
        ("restored", "", 0),
    ]


@virtual_time
async def test_a_sink_that_was_down_for_long_gets_what_is_still_useful_and_the_rest_is_counted() -> None:
    sink, reports = ScriptedSink(works_at=70), list[SinkReport]()
    sinks = CaptionSinks([delivery(sink, reports)])
    async with sinks.running():
        await speak(sinks, 90)
    texts = [text for (text,) in sink.shown]
    assert texts == [f"Word {second}." for second in range(90 - 2 * len(texts), 90, 2)]
    assert 20 <= len(texts) <= 30  # 20 s while it works, and up to 30 s before
    assert [one.state for one in reports] == ["failing", "restored"]
    assert sum(one.dropped for one in reports) == 45 - len(texts)
    assert sink.abandoned


@virtual_time
async def test_a_repetition_is_what_was_sent_first_and_the_rest_follows_together() -> None:
    sink, reports = ScriptedSink(works_at=9, max_batch=20), list[SinkReport]()
    sinks = CaptionSinks([delivery(sink, reports)])
    async with sinks.running():
        await speak(sinks, 10)
    repeated = len(sink.attempts) - len(sink.shown)
    assert repeated >= 2
    assert {*sink.attempts[:repeated]} == {("Word 0.",)}
    assert sink.shown[0] == ("Word 0.",)
    assert sink.shown[1][:3] == ("Word 2.", "Word 4.", "Word 6.")


@virtual_time
async def test_a_sink_that_is_down_does_not_delay_the_others_or_the_source() -> None:
    down, works, reports = ScriptedSink(works_at=1e9), ScriptedSink(), list[SinkReport]()
    sinks = CaptionSinks([delivery(down, reports), delivery(works, reports)])
    began = asyncio.get_running_loop().time()
    async with sinks.running():
        await speak(sinks, 20)
        assert asyncio.get_running_loop().time() - began == 20
        assert len(works.shown) == 10
    # The end waits for the one that is down, but not forever, and counts what it did not get.
    assert asyncio.get_running_loop().time() - began <= 31
    assert (down.shown, sum(one.dropped for one in reports)) == ([], 10)


@virtual_time
async def test_a_sink_that_refuses_permanently_ends_alone() -> None:
    refused, works, reports = ScriptedSink(error=SinkClosedError("wrong password")), ScriptedSink(), list[SinkReport]()
    sinks = CaptionSinks([delivery(refused, reports), delivery(works, reports)])
    async with sinks.running():
        await speak(sinks, 6)
    assert (reports[0].state, reports[0].message) == ("closed", "wrong password")
    assert (refused.attempts, len(works.shown), refused.is_open) == ([], 3, False)


@virtual_time
async def test_sinks_get_the_language_that_they_show() -> None:
    spanish, spoken, reports = ScriptedSink(), ScriptedSink(), list[SinkReport]()
    sinks = CaptionSinks([delivery(spanish, reports, "es"), delivery(spoken, reports)])
    assert sinks.languages == {"es"}
    async with sinks.running():
        sinks.append("es", utterance("Hola.", language="es"))
        sinks.append(None, utterance("Hello."))
        sinks.append("fr", utterance("Bonjour.", language="fr"))
    assert (spanish.shown, spoken.shown) == ([("Hola.",)], [("Hello.",)])


@virtual_time
async def test_an_error_of_the_source_ends_at_once() -> None:
    sink, reports = ScriptedSink(works_at=1e9), list[SinkReport]()
    sinks = CaptionSinks([delivery(sink, reports)])
    began = asyncio.get_running_loop().time()
    try:
        async with sinks.running():
            sinks.append(None, utterance("Hello."))
            await asyncio.sleep(1)
            raise ValueError("the source failed")
    except* ValueError:
        pass
    assert asyncio.get_running_loop().time() - began == 1
    assert not sink.is_open
