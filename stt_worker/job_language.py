"""The language and the task with which an audio job is recognized, and the script in which its text is written."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import chain

from backend.errors import EntryError, ProtocolError
from backend.messages.jobs import AudioJob
from backend.messages.languages import script, whisper_code
from backend.messages.served_languages import SUBSTITUTES, recognized_code
from backend.text.scripts import continue_in_script, words_to_script
from stt_worker.recognizers.recognizer import Hypothesis


def model_language(job: AudioJob, model_codes: Collection[str] | None) -> str | None:
    """Return the code with which the model recognizes the job, or None to detect the language.

    Raises EntryError `unsupported_language` if the model does not know the language. The gateway refuses such sessions,
    but workers with different models may share its streams.
    """
    if job.language is None or (code := recognized_code(job.language, model_codes)):
        return job.language and code
    raise EntryError(f"the model of this worker does not recognize {job.language!r}", code="unsupported_language")


def check_task(job: AudioJob, *, translates: bool) -> None:
    """Raise EntryError `unsupported_task` if the recognizer cannot do what the job asks for.

    The gateway refuses such sessions, but workers with different models may share its streams.
    """
    if job.task == "translate" and not translates:
        raise EntryError("the model of this worker does not translate speech", code="unsupported_task")


def allowed_languages(job: AudioJob, model_codes: Collection[str] | None) -> tuple[str, ...]:
    """The model's codes of the languages that the job may choose from; () for all that it knows."""
    codes = (recognized_code(code, model_codes) for code in job.allowed)
    return tuple(dict.fromkeys(code for code in codes if code))


def last_language(job: AudioJob, model_codes: Collection[str] | None) -> str | None:
    """The model's code of the language before, if the job may choose it."""
    code = recognized_code(job.heard, model_codes) if job.heard else None
    allowed = allowed_languages(job, model_codes)
    return code if not allowed or code in allowed else None


def draft_language(job: AudioJob, model_codes: Collection[str] | None) -> str:
    """The language that the preview before detected, or "" if the model does not know it."""
    return job.draft_language if model_codes is None or job.draft_language in model_codes else ""


def known_odds(odds: Mapping[str, float], model_codes: Collection[str] | None) -> dict[str, float]:
    """Leave out the languages that another worker has detected and this model does not know."""
    return {code: odds[code] for code in odds if model_codes is None or code in model_codes}


def in_requested_script(job: AudioJob, hypothesis: Hypothesis) -> Hypothesis:
    """Return the hypothesis in the script that the session asked for, otherwise in the likely one of its language."""
    if hypothesis.translated:
        return hypothesis
    wanted = _script(_requested(job, hypothesis.language))
    if not wanted:
        return hypothesis
    spelled = words_to_script([word.text for word in hypothesis.words], wanted)
    words = (replace(word, text=text) for word, text in zip(hypothesis.words, spelled, strict=True))
    text = continue_in_script(job.committed, hypothesis.text, wanted)
    return replace(hypothesis, text=text, words=tuple(words))


def _requested(job: AudioJob, language: str) -> str:
    """The code by which the session asked for this language, which may name a script.

    A model without Cantonese recognizes it as Chinese.
    """
    if job.language and job.expected:
        return job.expected[0]
    same = (code for code in job.expected if _whisper_code(code) == language)
    similar = (code for code in job.expected if SUBSTITUTES.get(_whisper_code(code)) == language)
    return next(chain(same, similar), language)


def _script(code: str) -> str:
    try:
        return script(code)
    except ProtocolError:
        return ""  # a language that only a remote endpoint or a newer gateway knows


def _whisper_code(code: str) -> str:
    try:
        return whisper_code(code) or ""
    except ProtocolError:
        return ""
