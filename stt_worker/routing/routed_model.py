"""A recognizer of a worker, with its rule, its threads and its health."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from backend.errors import EntryError
from backend.messages.jobs import AudioJob
from backend.messages.served_languages import recognized_code
from stt_worker import metrics
from stt_worker.continuation import recognize_with_drafts
from stt_worker.real_time_factor import RealTimeFactor
from stt_worker.recognizers.recognizer import Hypothesis, Recognizer, Speech
from stt_worker.routing.health import RecognizerHealth
from stt_worker.routing.rules import RouteRule

# What a session can ask for in addition, by the names in heartbeats.
OPTIONS = ("prompts", "hotwords", "word_times")


class RoutedModel:
    """One of the recognizers of a worker."""

    def __init__(
        self, recognizer: Recognizer, rule: RouteRule | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self.recognizer, self.rule = recognizer, rule or RouteRule()
        self.threads = ThreadPoolExecutor(max_workers=recognizer.overlap, thread_name_prefix="model")
        self.health, self.real_time_factor = RecognizerHealth(), RealTimeFactor(recognizer.parallel_batches)
        self._now = now
        metrics.RECOGNIZER_READY.labels(recognizer.model).set(1)

    @property
    def languages(self) -> Collection[str] | None:
        """The codes of the languages that it gets. None: unknown."""
        known = self.recognizer.languages
        if not self.rule.languages:
            return known
        return self.rule.languages if known is None else self.rule.languages.intersection(known)

    @property
    def options(self) -> frozenset[str]:
        """Those of OPTIONS that have an effect."""
        recognizer = self.recognizer
        found = (recognizer.uses_prompts, recognizer.uses_hotwords, recognizer.measures_words)
        return frozenset(option for option, has in zip(OPTIONS, found, strict=True) if has)

    @property
    def continues_drafts(self) -> bool:
        """Whether its words may begin the text of a longer preview or final, which another model might recognize."""
        return self.recognizer.continues_drafts and self.rule.below_s is None

    def accepts_job(self) -> bool:
        """Whether it should get the next job: it works, or the job is its trial."""
        return self.health.accepts_job(self._now())

    def serves(self, job: AudioJob, seconds: float, detectable: Collection[str] | None) -> bool:
        """Whether its rule includes the job, and it can do the task.

        `detectable`: the languages from which a job that allows all of them is detected; None: unknown.
        """
        if self.rule.below_s is not None and seconds >= self.rule.below_s:
            return False
        return self._knows(job, detectable) and (job.task == "transcribe" or self.recognizer.translates)

    def _knows(self, job: AudioJob, detectable: Collection[str] | None) -> bool:
        """Whether it recognizes the language of the job, or each of those from which it is detected."""
        if self.languages is None:
            return True
        wanted = (job.language,) if job.language else (job.allowed or detectable)
        return wanted is not None and all(recognized_code(code, self.languages) for code in wanted)

    def recognize(self, speeches: Sequence[Speech]) -> list[Hypothesis]:
        """Recognize a batch, and count whether it succeeded. Raises as `Recognizer.recognize`."""
        model = self.recognizer.model
        try:
            found = recognize_with_drafts(self.recognizer, speeches)
        except EntryError:
            self.health.succeeded()  # a refusal shows that the model works
            raise
        except Exception as error:
            self.health.failed(error, self._now())
            metrics.RECOGNIZER_FAILURES.labels(model).inc()
            raise
        else:
            self.health.succeeded()
            return found
        finally:
            metrics.RECOGNIZER_READY.labels(model).set(self.health.state == "ready")

    def describe(self) -> Mapping[str, object]:
        """The recognizer as the heartbeat shows it."""
        found = {
            "model": self.recognizer.model,
            "engine": self.recognizer.engine,
            "device": self.recognizer.device,
            "route": self.rule.text,
            "state": self.health.state,
            "failures": self.health.failures,
            "real_time_factor": round(self.real_time_factor.factor, 4),
        }
        return found | ({"error": self.health.last_error} if self.health.state == "failing" else {})


def wanted_options(job: AudioJob) -> frozenset[str]:
    """Those of OPTIONS that a job asks for."""
    wanted = (job.prompt, job.hotwords, job.words or job.partial_words)
    return frozenset(option for option, wants in zip(OPTIONS, wanted, strict=True) if wants)
