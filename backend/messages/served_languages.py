"""The languages and abilities that workers announce in their heartbeats, and what a session can have of them.

An STT worker announces the codes that its model recognizes, whether it can write English for speech in other languages,
and whether it judges turns, describes voices and reduces noise. A translation worker announces the pairs that it
translates.
Workers of earlier releases announce nothing. While no worker announces anything, every language is accepted.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from pydantic import ValidationError

from backend.errors import ProtocolError, UnsupportedPairError
from backend.messages.languages import (
    AUTO,
    english_name,
    flores_code,
    needs_no_translation,
    other_scripts,
    unwritten_script,
    whisper_code,
)
from backend.messages.options import TRANSLATED_LANGUAGE, Options
from backend.messages.protocol import Error, Message, Notice

# Suggests the model of the catalogue that translates every pair.
INSTALL_HINT = "`nova models pull nllb-200-distilled-600M` installs one that does"
TURNS_HINT = (
    "no running worker judges whether a speaker has finished, so silence decides; "
    "`nova models pull smart-turn` installs the model"
)
VOICES_HINT = (
    "no running worker describes voices, so speakers are not labelled; `nova models pull campplus` installs the model"
)
DENOISE_HINT = (
    "no running worker reduces noise, so speech is recognized as it is; `nova models pull gtcrn` installs the model"
)
ENGLISH_HINT = (
    "not every running speech model translates into English by itself: use `translate_to`, or a multilingual Whisper "
    "model other than a turbo or distilled one"
)
PROMPTS_HINT = "a running speech model takes no `prompt`, or no `hotwords`, so they may have no effect"
WORD_TIMES_HINT = "a running speech model does not measure when words are said, so their times may be estimates"
# Languages that models without them recognize as a similar one. Both are Whisper's codes.
SUBSTITUTES = {"yue": "zh", "nn": "no"}


class ServedPairs(Message):
    """All pairs of a source and a target, as FLORES-200 codes."""

    sources: frozenset[str]
    targets: frozenset[str]

    @classmethod
    def with_scripts(cls, sources: Iterable[str], targets: Iterable[str]) -> Self:
        """Add the targets that differ in a script that workers convert."""
        written = frozenset(targets)
        return cls(sources=frozenset(sources), targets=written.union(*map(other_scripts, written)))

    def announcement(self) -> dict[str, list[str]]:
        """The pairs as part of a heartbeat."""
        return {"sources": sorted(self.sources), "targets": sorted(self.targets)}


def recognized_code(code: str, model_codes: Collection[str] | None) -> str | None:
    """Return the code with which a model recognizes a language, or None if it cannot.

    `code` and `model_codes` are Whisper's codes. If those of the model are unknown, the code is returned.
    """
    candidates = (code, SUBSTITUTES.get(code))
    return code if model_codes is None else next((found for found in candidates if found in model_codes), None)


@dataclass(frozen=True, slots=True)
class ServedLanguages:
    """The languages that the live workers announce.

    `speech`: the languages that every STT worker recognizes, since any of them may receive a job; None: unknown.
    `pairs`: what the translation workers translate, together; None: unknown. `described` names the pairs for people.
    `turns`: whether any STT worker judges if a speaker has finished; `voices`: whether any describes voices;
    `translators`: whether any translation worker runs; `english`: whether every STT worker can write English for speech
    in other languages; `targets`: whether all of them leave out the text of voices that a session does not want;
    `prompts`, `hotwords`: whether all of them use prompts, and hotwords; `word_times`: whether all measure the times of
    words; None: unknown. `denoise`: whether any STT worker reduces noise.
    """

    speech: frozenset[str] | None = None
    pairs: tuple[ServedPairs, ...] | None = None
    described: tuple[str, ...] = ()
    turns: bool | None = None
    translators: bool | None = None
    voices: bool | None = None
    english: bool | None = None
    targets: bool | None = None
    prompts: bool | None = None
    hotwords: bool | None = None
    word_times: bool | None = None
    denoise: bool | None = None

    @classmethod
    def announced(cls, heartbeats: Iterable[Mapping[str, Any]]) -> Self:
        """Read the heartbeats of all processes."""
        beats = list(heartbeats)
        speech = [frozenset(beat["languages"]) for beat in beats if isinstance(beat.get("languages"), list)]
        translators = [beat for beat in beats if isinstance(beat.get("translates"), list)]
        pairs = tuple(pair for beat in translators for pair in _read_pairs(beat["translates"]))
        recognizers = [beat for beat in beats if beat.get("kind") == "stt"]
        turns = [bool(beat.get("turns")) for beat in recognizers]
        voices = [bool(beat.get("voices")) for beat in recognizers]
        english = ["translate" in (beat.get("tasks") or ()) for beat in recognizers]
        targets = [bool(beat.get("targets")) for beat in recognizers]
        # Workers of earlier releases have Whisper, or an endpoint with its API.
        prompts = [beat.get("prompts") is not False for beat in recognizers]
        hotwords = [beat.get("hotwords", beat.get("prompts")) is not False for beat in recognizers]
        word_times = [beat.get("word_times") is not False for beat in recognizers]
        denoise = [bool(beat.get("denoise")) for beat in recognizers]
        described = {text for beat in translators for text in beat.get("pairs", ())}
        return cls(
            frozenset.intersection(*speech) if speech else None,
            pairs if translators else None,
            tuple(sorted(described)),
            any(turns) if turns else None,
            any(beat.get("kind") == "translation" for beat in beats) if beats else None,
            any(voices) if voices else None,
            all(english) if english else None,
            all(targets) if targets else None,
            all(prompts) if prompts else None,
            all(hotwords) if hotwords else None,
            all(word_times) if word_times else None,
            any(denoise) if denoise else None,
        )

    @property
    def abilities(self) -> Self:
        """The abilities alone, with all languages and tasks."""
        return replace(self, speech=None, pairs=None, described=(), english=None)

    def recognized_as(self, code: str) -> str | None:
        """Return the code of the language that a job asks for, or None for "auto".

        Raises ProtocolError `unsupported_language` if no worker recognizes the language.
        """
        wanted = whisper_code(code)
        if wanted is None or (found := recognized_code(wanted, self.speech)):
            return wanted and found
        served = ", ".join(sorted(self.speech or ())) or "none"
        raise ProtocolError(
            f"no running model recognizes {english_name(code)} ({code}); served are: {served}",
            code="unsupported_language",
        )

    def allowed(self, options: Options) -> tuple[str, ...]:
        """The codes of the languages that a job may choose from, or () for all. Raises as `recognized_as`."""
        codes = [self.recognized_as(code) for code in options.languages]
        # "auto" in the list allows every language.
        return () if None in codes else tuple(dict.fromkeys(code for code in codes if code))

    def limits(self, options: Options) -> list[Notice | Error]:
        """Tell the client which of its options are served in another way, or not at all.

        Raises ProtocolError `unsupported_language` for a language that is not in the table, and `unsupported_task`.
        """
        if options.task == "translate" and self.english is False:
            raise ProtocolError(ENGLISH_HINT, code="unsupported_task")
        found = self.recognized_as(options.language)
        spoken = [code for code in options.spoken if code != AUTO]
        substituted = (self._substituted(code) for code in spoken)
        events: list[Notice | Error] = [notice for notice in substituted if notice]
        events += _unwritten(spoken, options.translate_to)
        if options.turn_threshold and self.turns is False:
            events.append(Notice(code="turns_not_judged", message=TURNS_HINT))
        if options.speakers and self.voices is False:
            events.append(Notice(code="speakers_not_labelled", message=VOICES_HINT))
        if (options.prompt and self.prompts is False) or (options.hotwords and self.hotwords is False):
            events.append(Notice(code="prompt_ignored", message=PROMPTS_HINT))
        if options.words and self.word_times is False:
            events.append(Notice(code="word_times_estimated", message=WORD_TIMES_HINT))
        written = TRANSLATED_LANGUAGE if options.task == "translate" else found
        if options.denoise != "off" and self.denoise is False:
            events.append(Notice(code="noise_not_reduced", message=DENOISE_HINT))
        unserved = (target for target in options.translate_to if not self.translates(written, target))
        return [*events, *(self._unserved(written, target) for target in unserved)]

    def _substituted(self, code: str) -> Notice | None:
        wanted, found = whisper_code(code), self.recognized_as(code)
        if not found or found == wanted:
            return None
        text = f"no running model recognizes {english_name(wanted or '')}; it is recognized as {english_name(found)}"
        return Notice(code="language_substituted", message=text)

    def _unserved(self, source: str | None, target: str) -> Error:
        pair = f"{english_name(source)} to {english_name(target)}" if source else f"to {english_name(target)}"
        served = "; ".join(self.described) or "none"
        text = f"no running model translates {pair} (served: {served}); {INSTALL_HINT}"
        return Error(code=UnsupportedPairError.code, message=text, language=target)

    def translates(self, source: str | None, target: str) -> bool:
        """Whether a worker translates into the target; `source` is Whisper's code, or None if it is not known yet."""
        written = flores_code(target)
        if self.pairs is None:
            return True
        if source is None:
            return any(written in pair.targets for pair in self.pairs)
        try:
            spoken = flores_code(source)
        except ProtocolError:
            return False  # NLLB lacks a few of Whisper's languages
        served = any(spoken in pair.sources and written in pair.targets for pair in self.pairs)
        return served or needs_no_translation(spoken, written)


def _unwritten(spoken: Iterable[str], translate_to: Iterable[str]) -> Iterable[Notice]:
    """Notices about codes whose script texts do not have: "uz-Cyrl", if the models write Uzbek in Latin script."""
    for code in spoken:
        if script := unwritten_script(code, spoken=True):
            yield Notice(code="script_not_written", message=_script_hint(code, script))
    for code in translate_to:
        if script := unwritten_script(code):
            yield Notice(code="script_not_written", message=_script_hint(code, script), language=code)


def _script_hint(code: str, script: str) -> str:
    return (
        f"{english_name(code)} is not written in the script {script} of the code {code!r}, but as the model writes it"
    )


def _read_pairs(announced: list[Any]) -> Iterable[ServedPairs]:
    for pair in announced:
        try:
            yield ServedPairs.model_validate(pair)
        except ValidationError:
            continue  # the form of a later release
