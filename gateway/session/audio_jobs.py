"""Builds audio jobs from clips and the session's options. Pure."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Literal

from backend.errors import ProtocolError
from backend.messages import languages
from backend.messages.jobs import AudioJob, FinalResult
from backend.messages.options import Priority
from backend.messages.protocol import Error, Final, Notice, Start
from backend.messages.served_languages import ServedLanguages
from backend.messages.voices.profiles import TargetVoice
from backend.text.language_odds import likeliest
from backend.text.vocabulary import add_hotwords
from gateway.rooms.languages import with_read_languages
from gateway.session.language_evidence import LanguageEvidence
from gateway.session.preceding_text import PrecedingText
from gateway.session.segmenter import SpeechClip
from gateway.session.utterance import OpenUtterance

# Languages that a session may be translated into.
MAX_TARGETS = 8


class AudioJobBuilder:
    """One session's options, and the jobs that carry them."""

    def __init__(
        self,
        session: str,
        correlation_id: str,
        job_priority: Callable[[Start], Priority],
        read_languages: Callable[[], Collection[str]] = tuple,
        hotwords: str = "",
    ) -> None:
        """`job_priority` returns the priority of jobs under these options, `read_languages` what readers read.

        `hotwords`: those of the caller's key.
        """
        self._session, self._correlation_id, self._job_priority = session, correlation_id, job_priority
        self._read_languages, self._hotwords = read_languages, hotwords
        # The options in force, and the audio format.
        self.options = Start()
        # The requested language as a Whisper code; None for automatic detection.
        self._language: str | None = None
        # Whether pauses are judged: the session wants it, and a worker can.
        self.judges_turns = False
        # Whether voices are described: the session wants labels, and a worker can.
        self.describes_voices = False
        # The only voice that the session wants text of.
        self.target: TargetVoice | None = None
        # The languages to choose from when it is detected; empty: all.
        self._allowed: tuple[str, ...] = ()
        # The detections in earlier finals. A job without a requested language starts detection from them.
        self.evidence = LanguageEvidence()
        # The finals that the next utterance continues.
        self.preceding = PrecedingText()

    def apply_options(self, options: Start, served: ServedLanguages) -> list[Notice | Error]:
        """Use these options from now on, and return events about those that are not served as requested.

        Raises ProtocolError for too many or unsupported languages.
        """
        if len(options.translate_to) > MAX_TARGETS:
            raise ProtocolError(f"at most {MAX_TARGETS} target languages", code="invalid_message")
        for target in options.translate_to:
            languages.flores_code(target)
        limits, language = served.limits(options), served.recognized_as(options.language)
        allowed = served.allowed(options) if language is None else ()
        if len(allowed) == 1:
            language, allowed = allowed[0], ()
        if (language, allowed) != (self._language, self._allowed):
            self.evidence, self.preceding = LanguageEvidence(allowed), PrecedingText()
        self._language, self._allowed = language, allowed
        self.judges_turns = options.turn_threshold > 0 and served.turns is True
        # A gateway that has just started does not know its workers yet. Those without the model ignore it.
        self.describes_voices = options.speakers and served.voices is not False
        # Previews of a recording would take the time of live sessions, and no user waits for them.
        is_recording = options.priority == "recording" or options.enrol is not None
        self.options = options.model_copy(update={"partials": False}) if is_recording else options
        return limits

    @property
    def priority(self) -> Priority:
        """The priority of a job that is built now."""
        return self._job_priority(self.options)

    @property
    def clause_ms(self) -> int:
        """Length from which an utterance is divided between clauses; 0: never.

        No user reads along while a recording is transcribed, and a turn is not divided.
        """
        return self.options.clause_ms if self.options.priority == "live" and not self.options.turn_threshold else 0

    @property
    def awaits_language(self) -> bool:
        """Whether the language is detected and not known yet."""
        return self._language is None and not self.evidence.is_settled

    def learn_from(self, final: Final) -> None:
        """Use the text and the language of a final for the jobs that follow."""
        self.preceding.add(final)
        # A worker of an earlier release, or a recognizer that reports no probabilities.
        detected: Mapping[str, float] = {final.language: 1.0} if final.text else {}
        if isinstance(final, FinalResult) and final.languages:
            detected = final.languages
        self.evidence.add(final.utterance, detected, (final.end_ms - final.start_ms) / 1000)

    def _draft(self, utterance: OpenUtterance, odds: Mapping[str, float]) -> dict[str, Any]:
        """The fields of the draft, if the job would be decoded in its language. `odds` are those of the session."""
        language, probability = utterance.draft_language, utterance.draft_language_probability
        if self._language:
            # Options may have changed since the draft was decoded.
            return {"draft": utterance.draft} if language == self._language else {}
        allowed = not self._allowed or language in self._allowed
        if not allowed or not probability or (odds and likeliest(odds) != language):
            return {}
        return {"draft": utterance.draft, "draft_language": language, "draft_language_probability": probability}

    def build_job(
        self,
        kind: Literal["final", "preview"],
        utterance: OpenUtterance,
        clip: SpeechClip,
        now: float,
        *,
        in_pause: bool = False,
    ) -> AudioJob:
        """A job that contains everything a worker needs; `now` is Unix time. `in_pause`: speech may continue."""
        options = self.options
        # Previews cost most of a live session, and are replaced by the final.
        context = self.preceding.before(utterance.number, clip.start_ms) if kind == "final" else ""
        odds = {} if self._language else self.evidence.odds()
        detected = utterance.detected_language if kind == "preview" else None
        return AudioJob(
            kind=kind,
            session=self._session,
            utterance=utterance.number,
            correlation_id=self._correlation_id,
            sent_at=now,
            attempt=utterance.attempt,
            revision=utterance.revision,
            start_ms=clip.start_ms,
            end_ms=clip.end_ms,
            language=self._language,
            heard=likeliest(odds) if odds else detected,
            languages=odds,
            allowed=self._allowed,
            expected=options.spoken,
            task=options.task,
            finals=options.finals,
            words=options.words,
            decoding=options.decoding,
            partial_words=options.partial_words,
            early_final=kind == "final" and options.early_final_ms > 0,
            judge_turn=in_pause and self.judges_turns,
            describe_voices=kind == "final" and self.describes_voices,
            measure_voice=kind == "final" and options.enrol is not None,
            target=self.target,
            denoise=options.denoise,
            formatting=options.formatting,
            prompt=options.prompt,
            hotwords=add_hotwords(options.hotwords, self._hotwords) if self._hotwords else options.hotwords,
            context=context,
            context_language=self.preceding.language if context else "",
            committed=utterance.committed,
            written=utterance.written if options.formatting or utterance.shown else "",
            tentative=utterance.tentative,
            hypothesis=utterance.hypothesis,
            **self._draft(utterance, odds),
            translate_to=with_read_languages(options.translate_to, self._read_languages(), MAX_TARGETS),
            translated=utterance.translated,
            traceparent=utterance.traceparent if kind == "final" else "",
            priority=self.priority,
        )
