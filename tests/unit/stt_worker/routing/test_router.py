"""The choice of a recognizer, what a worker announces, and batches that belong to several recognizers."""

import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from backend.errors import EntryError, UnavailableError
from backend.messages.jobs import BYTES_PER_SECOND
from backend.messages.protocol import Final
from backend.streams.job_streams import Entry, Unprocessed
from backend.streams.names import Shard
from backend.streams.worker.batch_processor import Answer
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Hypothesis, Speech
from stt_worker.routing.health import BYPASS_S, MAX_FAILURES
from stt_worker.routing.routed_model import RoutedModel
from stt_worker.routing.router import Router
from stt_worker.routing.rules import RouteRule
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.streams.jobs import job

BROKEN = RuntimeError("out of order")


class Named(NullRecognizer):
    """Writes its name, and keeps the sizes of its batches."""

    def __init__(self, name: str, *languages: str, error: Exception | None = None, **abilities: bool) -> None:
        super().__init__()
        self.model, self.languages, self.error = name, frozenset(languages) or None, error
        self.batches: list[int] = []
        defaults = {"translates": False, "uses_hotwords": abilities.get("uses_prompts", True)}
        for ability, value in {**defaults, **abilities}.items():
            setattr(self, ability, value)

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        self.batches.append(len(batch))
        if self.error:
            raise self.error
        return [Hypothesis(self.model, one.language or "en", 1.0, -0.1, 0.0) for one in batch]


def light(**changes: Any) -> RoutedModel:
    return RoutedModel(Named("light", "en", uses_prompts=False, **changes), RouteRule(frozenset({"en"}), 3.0))


def asian(**changes: Any) -> RoutedModel:
    return RoutedModel(Named("asian", "zh", "ja", "en", **changes), RouteRule(frozenset({"zh", "ja"})))


def chosen(router: Router, seconds: float = 5.0, **options: Any) -> str:
    return router.choose(job(1, **options), seconds).recognizer.model


def test_short_audio_goes_to_the_light_model_and_languages_to_theirs() -> None:
    router = Router(Named("large"), [light(), asian()])
    assert chosen(router, 2.9, language="en") == "light"
    assert chosen(router, 3.0, language="en") == "large"
    assert chosen(router, 2.0, language="de") == "large"
    assert chosen(router, 20.0, language="ja") == "asian"
    assert chosen(router, 2.0, language="yue") == "asian", "as Chinese"


def test_a_language_that_is_detected_goes_to_a_model_that_knows_all_of_them() -> None:
    router = Router(Named("large", "en", "zh", "ja", "de"), [light(), asian()])
    assert chosen(router, 2.0) == "large"
    assert chosen(router, 2.0, allowed=("en",)) == "light"
    assert chosen(router, 9.0, allowed=("zh", "ja")) == "asian"
    assert chosen(router, 9.0, allowed=("zh", "de")) == "large"
    anything = RoutedModel(Named("quick", "en", "zh", "ja", "de", "fr"), RouteRule(below_s=2.0))
    assert chosen(Router(Named("large", "en", "zh"), [anything]), 1.0) == "quick"


def test_an_option_goes_to_a_model_that_has_it() -> None:
    router = Router(Named("large", translates=True), [light(measures_words=False)])
    assert chosen(router, 1.0, language="en", hotwords="Nova") == "large"
    assert chosen(router, 1.0, language="en", words=True) == "large"
    assert chosen(router, 1.0, language="en", task="translate") == "large"
    only = Router(Named("small", "de", uses_prompts=False), [asian(uses_prompts=False)])
    assert chosen(only, 1.0, language="zh", prompt="x") == "asian", "no model has it"


def test_a_worker_announces_what_holds_for_audio_of_any_length() -> None:
    quick = RoutedModel(Named("quick", "fr"), RouteRule(below_s=2.0))
    router = Router(Named("large", "en", "de", translates=True), [quick, asian(uses_prompts=False)])
    assert router.languages == {"en", "de", "zh", "ja"}
    assert not router.translates, "Japanese is not translated"
    assert router.options == {"word_times"}
    assert Router(Named("large"), [asian(uses_prompts=False)]).languages is None
    alone = Router(Named("large", "en", translates=True))
    assert (alone.languages, alone.translates) == ({"en"}, True)


def test_a_failing_model_is_bypassed_until_its_trial_succeeds() -> None:
    clock = [0.0]
    broken = Named("light", "en", error=BROKEN)
    route = RoutedModel(broken, RouteRule(frozenset({"en"})), now=lambda: clock[0])
    router = Router(Named("large"), [route])
    for _ in range(MAX_FAILURES):
        assert chosen(router, language="en") == "light"
        with pytest.raises(RuntimeError):
            route.recognize([Speech(samples=job_audio())])
    assert chosen(router, language="en") == "large"
    described = route.describe()
    assert (described["state"], described["failures"], described["route"]) == ("failing", MAX_FAILURES, "en")
    assert described["error"] == "RuntimeError('out of order')"
    clock[0], broken.error = BYPASS_S, None
    assert [chosen(router, language="en") for _ in range(3)] == ["light", "large", "large"], "a single trial"
    route.recognize([Speech(samples=job_audio())])
    assert route.describe()["state"] == "ready"


def test_a_failing_model_is_used_where_no_other_serves() -> None:
    broken = asian(error=BROKEN)
    router = Router(Named("large", "en"), [broken])
    for _ in range(MAX_FAILURES):
        with pytest.raises(RuntimeError):
            broken.recognize([Speech(samples=job_audio())])
    assert chosen(router, language="zh") == "asian"


def test_a_model_that_refuses_audio_works() -> None:
    route = asian(error=EntryError("too long", code="audio_refused"))
    for _ in range(2 * MAX_FAILURES):
        with pytest.raises(EntryError):
            route.recognize([Speech(samples=job_audio())])
    assert route.accepts_job()
    assert (route.describe()["state"], route.describe()["failures"]) == ("ready", 0)


def test_a_batch_of_each_model_is_processed_at_the_same_time() -> None:
    two_threads = Named("large")
    two_threads.overlap = 2
    assert Router(two_threads).overlap == 2
    assert Router(two_threads, [light(), asian()]).overlap == 4


def job_audio() -> Any:
    return np.zeros(16_000, np.float32)


def entry(number: int, seconds: float, language: str) -> Entry[Any]:
    return Entry(Shard(0), f"{number}-0", job(number, language=language), bytes(int(seconds * BYTES_PER_SECOND)))


def text_of(answer: Answer) -> str:
    """The text of a final, or why there is none."""
    if isinstance(answer, EntryError):
        return answer.code
    if isinstance(answer, Unprocessed):
        return repr(answer.error)
    (final,) = answer.durable
    assert isinstance(final, Final)
    return final.text


async def test_a_batch_is_divided_and_its_outcomes_stay_in_order() -> None:
    large, small, routed = Named("large", "en", "zh", "de"), light(), asian()
    worker = SttWorker(large, SttSettings(), routes=[small, routed])
    batch = [entry(1, 1, "en"), entry(2, 5, "en"), entry(3, 1, "zh"), entry(4, 1, "fr"), entry(5, 2, "en")]
    texts = [text_of(answer) for answer in await worker.handle(batch)]
    assert texts == ["light", "large", "asian", "unsupported_language", "light"]
    assert isinstance(small.recognizer, Named)
    assert (large.batches, small.recognizer.batches) == ([1], [2])
    assert [state[:3] for state in states(worker)] == [
        ("light", "en<3", "ready"),
        ("asian", "ja,zh", "ready"),
        ("large", "*", "ready"),
    ]


@pytest.mark.parametrize("error", [BROKEN, UnavailableError("away", retry_after_s=1.0), EntryError("refused")])
async def test_the_jobs_of_a_model_that_fails_do_not_affect_those_of_others(error: Exception) -> None:
    """An error that a model raises does not say which of its jobs caused it, so none of them is refused."""
    worker = SttWorker(Named("large", "en"), SttSettings(), routes=[asian(error=error)])
    batch = [entry(1, 5, "zh"), entry(2, 5, "en"), entry(3, 5, "ja"), entry(4, 5, "fr")]
    texts = [text_of(answer) for answer in await worker.handle(batch)]
    assert texts == [repr(error), "large", repr(error), "unsupported_language"]


async def test_the_only_model_of_a_worker_fails_for_the_whole_batch() -> None:
    """Then the consumer reads no more entries until the model works."""
    worker = SttWorker(Named("remote", error=UnavailableError("away", retry_after_s=1.0)), SttSettings())
    with pytest.raises(UnavailableError):
        await worker.handle([entry(1, 5, "zh"), entry(2, 5, "en")])


async def test_models_work_at_the_same_time() -> None:
    met = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Waiting(Named):
        def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
            asyncio.run_coroutine_threadsafe(met.wait(), loop).result(10)
            return super().recognize(batch)

    class Meeting(Named):
        def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
            loop.call_soon_threadsafe(met.set)
            return super().recognize(batch)

    routes = [RoutedModel(Waiting("light"), RouteRule(below_s=3.0))]
    worker = SttWorker(Meeting("large"), SttSettings(), routes=routes)
    assert len(await worker.handle([entry(1, 1, "en"), entry(2, 5, "en")])) == 2


async def test_a_worker_with_one_model_reports_whether_it_works() -> None:
    broken = Named("large", "en", error=BROKEN)
    worker = SttWorker(broken, SttSettings())
    assert states(worker) == [("large", "*", "ready", 0, None)]
    for _ in range(MAX_FAILURES):
        with pytest.raises(RuntimeError):
            await worker.handle([entry(1, 5, "en")])
    assert states(worker) == [("large", "*", "failing", MAX_FAILURES, repr(BROKEN))]
    broken.error = None
    assert [text_of(answer) for answer in await worker.handle([entry(1, 5, "en")])] == ["large"]
    assert states(worker) == [("large", "*", "ready", MAX_FAILURES, None)]


def states(worker: SttWorker) -> list[tuple[object, ...]]:
    recognizers = worker.report()["recognizers"]
    assert isinstance(recognizers, list)
    return [(one["model"], one["route"], one["state"], one["failures"], one.get("error")) for one in recognizers]
