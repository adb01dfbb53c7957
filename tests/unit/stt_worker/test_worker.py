from collections.abc import Sequence

from backend.errors import EntryError
from backend.messages.protocol import Final
from backend.streams.job_streams import Entry, Outcome
from backend.streams.names import Shard
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Hypothesis, Speech
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.testkit.streams.jobs import PCM, job


class Bilingual(NullRecognizer):
    """Knows two languages, and fails on others, as a model does whose vocabulary lacks them."""

    languages = frozenset({"en", "zh"})

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        for speech in batch:
            assert {speech.language, speech.last_language} <= {None, "en", "zh"}
        return super().recognize(batch)


def language_of(outcome: Outcome | EntryError) -> str:
    if isinstance(outcome, EntryError):
        return outcome.code
    (final,) = outcome.durable
    assert isinstance(final, Final)
    return final.language


async def handled(recognizer: NullRecognizer, *languages: str | None, heard: str | None = None) -> list[str]:
    jobs = [job(number, language=language, heard=heard) for number, language in enumerate(languages, 1)]
    entries = [Entry(Shard(0), f"{one.utterance}-0", one, PCM) for one in jobs]
    return [language_of(outcome) for outcome in await SttWorker(recognizer, SttSettings()).handle(entries)]


async def test_a_language_that_the_model_lacks_fails_alone_in_its_batch() -> None:
    assert await handled(Bilingual(), "en", "fr", "zh", "xx") == [
        "en",
        "unsupported_language",
        "zh",
        "unsupported_language",
    ]
    assert await handled(Bilingual(), "fr") == ["unsupported_language"]


async def test_a_similar_language_takes_the_place_of_one_that_the_model_lacks() -> None:
    assert await handled(Bilingual(), "yue", None, heard="yue") == ["zh", "zh"]
    assert await handled(Bilingual(), None, heard="fr") == ["en"], "the last language is only a hint"


async def test_a_model_of_unknown_languages_receives_every_language() -> None:
    assert await handled(NullRecognizer(), "yue", "fr") == ["yue", "fr"]
