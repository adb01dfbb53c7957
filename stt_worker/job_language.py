"""Chooses the script in which the text of an audio job is written."""

from collections.abc import Iterable
from dataclasses import replace

from backend.errors import ProtocolError
from backend.messages.jobs import AudioJob
from backend.messages.languages import script, whisper_code
from backend.text.scripts import continue_in_script, words_to_script
from stt_worker.recognizers.recognizer import Hypothesis


def in_requested_script(job: AudioJob, hypothesis: Hypothesis) -> Hypothesis:
    """Return the hypothesis in the script that the session asked for, otherwise in the likely one of its language."""
    wanted = _script(_requested(job, hypothesis.language))
    if not wanted:
        return hypothesis
    spelled = words_to_script([word.text for word in hypothesis.words], wanted)
    words = (replace(word, text=text) for word, text in zip(hypothesis.words, spelled, strict=True))
    text = continue_in_script(job.committed, hypothesis.text, wanted)
    return replace(hypothesis, text=text, words=tuple(words))


def _requested(job: AudioJob, language: str) -> str:
    """The code by which the session asked for this language, which may name a script."""
    if job.language and job.expected:
        return job.expected[0]
    return next((code for code in job.expected if _whisper_codes([code]) == [language]), language)


def _script(code: str) -> str:
    try:
        return script(code)
    except ProtocolError:
        return ""  # a language that only a remote endpoint or a newer gateway knows


def _whisper_codes(codes: Iterable[str]) -> list[str | None]:
    try:
        return [whisper_code(code) for code in codes]
    except ProtocolError:
        return []
