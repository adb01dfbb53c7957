"""Chooses the recognizer of each job, and announces what all of them can do together."""

from collections.abc import Callable, Collection, Sequence

from backend.messages.jobs import AudioJob
from stt_worker.recognizers.recognizer import Recognizer
from stt_worker.routing.routed_model import RoutedModel


class Router:
    """The recognizers of a worker: those with a rule, in order, and then the one that gets everything else."""

    def __init__(self, default: Recognizer, routes: Sequence[RoutedModel] = ()) -> None:
        self.default = RoutedModel(default)
        self.models: tuple[RoutedModel, ...] = (*routes, self.default)
        # Longer audio of the same session would go elsewhere, so models of short audio add no ability.
        self._unlimited = [model for model in self.models if model.rule.below_s is None]
        self.languages = self._union_of_languages()
        self.translates = self._all_have(lambda recognizer: recognizer.translates)
        self.uses_prompts = self._all_have(lambda recognizer: recognizer.uses_prompts)
        self.uses_hotwords = self._all_have(lambda recognizer: recognizer.uses_hotwords)
        self.measures_words = self._all_have(lambda recognizer: recognizer.measures_words)

    @property
    def overlap(self) -> int:
        """Batches at a time. While one batch waits for a slow model, others must reach the other models."""
        return sum(model.recognizer.overlap for model in self.models)

    def choose(self, job: AudioJob, seconds: float) -> RoutedModel:
        """The first model that serves the job, of those with all its options if there are any, and that works.

        A failing model gets one job as a trial at times. If none serves the job, the default one, which refuses it.
        """
        detectable = self.default.languages
        able = [model for model in self.models if model.serves(job, seconds, detectable)]
        complete = [model for model in able if model.has_options(job)]
        candidates = complete + [model for model in able if model not in complete]
        working = (model for model in candidates if model.accepts_job())
        return next(working, candidates[0] if candidates else self.default)

    def announcement(self) -> dict[str, object]:
        """The part of the heartbeat about what sessions can have."""
        languages = {} if self.languages is None else {"languages": sorted(self.languages)}
        return {
            **languages,
            "tasks": ["transcribe", "translate"] if self.translates else ["transcribe"],
            # Workers of earlier releases do not announce these, and have all of them.
            "prompts": self.uses_prompts,
            "hotwords": self.uses_hotwords,
            "word_times": self.measures_words,
        }

    def _union_of_languages(self) -> Collection[str] | None:
        """The languages of audio of any length. None: those of one model are unknown."""
        known = [model.languages for model in self._unlimited]
        return None if None in known else frozenset().union(*(codes for codes in known if codes))

    def _all_have(self, ability: Callable[[Recognizer], bool]) -> bool:
        """Whether, for each language, a model for audio of any length has an ability."""
        able = [model for model in self._unlimited if ability(model.recognizer)]
        if self.languages is None:
            return self.default in able
        return all(any(model.languages is None or code in model.languages for model in able) for code in self.languages)
