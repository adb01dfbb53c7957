"""Chooses the recognizer of each job, and announces what all of them can do together."""

from collections.abc import Collection, Iterator, Sequence

from backend.messages.jobs import AudioJob
from stt_worker.recognizers.recognizer import Recognizer
from stt_worker.routing.routed_model import OPTIONS, RoutedModel, wanted_options


class Router:
    """The recognizers of a worker: those with a rule, in order, and then the one that gets everything else."""

    def __init__(self, default: Recognizer, routes: Sequence[RoutedModel] = ()) -> None:
        self.default = RoutedModel(default)
        self.models: tuple[RoutedModel, ...] = (*routes, self.default)
        # Longer audio of the same session would go elsewhere, so models of short audio add no ability.
        self._unlimited = [model for model in self.models if model.rule.below_s is None]
        self.languages = self._union_of_languages()
        self.translates = all(any(map(_translates, models)) for models in self._choices())
        self.options = self._common_options()

    @property
    def overlap(self) -> int:
        """Batches at a time. While one batch waits for a slow model, others must reach the other models."""
        return sum(model.recognizer.overlap for model in self.models)

    def choose(self, job: AudioJob, seconds: float) -> RoutedModel:
        """The first model that serves the job and works, of those with most of its options.

        An announced option comes before others. A failing model gets one job as a trial at times. If none serves the
        job, the default one, which refuses it.
        """
        detectable, wanted = self.default.languages, wanted_options(job)

        def missing(model: RoutedModel) -> tuple[int, int]:
            lacking = wanted - model.options
            return len(lacking & self.options), len(lacking)

        able = sorted((model for model in self.models if model.serves(job, seconds, detectable)), key=missing)
        working = (model for model in able if model.accepts_job())
        return next(working, able[0] if able else self.default)

    def announcement(self) -> dict[str, object]:
        """The part of the heartbeat about what sessions can have."""
        languages = {} if self.languages is None else {"languages": sorted(self.languages)}
        return {
            **languages,
            "tasks": ["transcribe", "translate"] if self.translates else ["transcribe"],
            # Workers of earlier releases do not announce these, and have all of them.
            **{option: option in self.options for option in OPTIONS},
        }

    def _union_of_languages(self) -> Collection[str] | None:
        """The languages of audio of any length. None: those of one model are unknown."""
        known = [model.languages for model in self._unlimited]
        return None if None in known else frozenset().union(*(codes for codes in known if codes))

    def _choices(self) -> Iterator[list[RoutedModel]]:
        """The models for audio of any length in each language, and in one that is detected."""
        languages = [None] if self.languages is None else [[code] for code in self.languages]
        for codes in (*languages, self.default.languages):
            yield [model for model in self._unlimited if _knows(model, codes)]

    def _common_options(self) -> frozenset[str]:
        """Options that any session can have together, so that an announced one never has no effect.

        An option is left out if each session could have it, but not with the ones before it.
        """
        choices = list(self._choices())
        if self.translates:
            choices += [list(filter(_translates, models)) for models in choices]
        common: frozenset[str] = frozenset()
        for option in OPTIONS:
            together = common | {option}
            if all(any(together <= model.options for model in models) for models in choices):
                common = together
        return common


def _knows(model: RoutedModel, codes: Collection[str] | None) -> bool:
    """Whether a model recognizes all of these languages. None: any."""
    return model.languages is None or (codes is not None and set(codes) <= set(model.languages))


def _translates(model: RoutedModel) -> bool:
    return model.recognizer.translates
