"""How a recording is translated into English: by translation workers, or by the speech model itself. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from backend.messages.languages import whisper_code
from backend.messages.options import TRANSLATED_LANGUAGE as TARGET
from backend.messages.protocol import Final, ServerMessage
from backend.messages.served_languages import ServedLanguages
from gateway.apis.errors import InvalidRequestError
from gateway.apis.recordings import RecordingTranscript

# Fields of `start`.
StartFields = Mapping[str, Any]

BY_WORKERS: StartFields = {"translate_to": (TARGET,)}
BY_SPEECH_MODEL: StartFields = {"task": "translate"}


class UntranslatedError(InvalidRequestError):
    """No translation worker translates a language of the recording into English."""

    def __init__(self, languages: Sequence[str]) -> None:
        message = f"no running model translates from {', '.join(sorted(languages))} into English"
        super().__init__(message, code="translation_unavailable")


def translation_ways(languages: Sequence[str], served: ServedLanguages) -> list[StartFields]:
    """The options to try, in this order. The next ones are for a recording that raises UntranslatedError.

    Translation models are better than a speech model of the same size, so they come first. `languages`: those that may
    be spoken, as the client writes them; empty: any. Raises InvalidRequestError if nothing translates.
    """
    if served.translators is False or not any(served.translates(code, TARGET) for code in _sources(languages)):
        if not served.english:
            # A session would wait for a worker, longer than HTTP clients do.
            raise _unavailable(served)
        return [BY_SPEECH_MODEL]
    return [BY_WORKERS, BY_SPEECH_MODEL] if served.english else [BY_WORKERS]


def check_any_translates(served: ServedLanguages) -> None:
    """Raise InvalidRequestError if no process can translate, before a recording is received."""
    if served.translators is False and not served.english:
        raise _unavailable(served)


def check_translatable(event: ServerMessage, served: ServedLanguages) -> None:
    """Raise UntranslatedError if no worker translates the text of an event."""
    if isinstance(event, Final) and event.text and not served.translates(event.language, TARGET):
        raise UntranslatedError([event.language])


def check_translated(transcript: RecordingTranscript) -> None:
    """Refuse to return text in another language as English."""
    if languages := transcript.untranslated(TARGET):
        raise UntranslatedError(sorted(languages))


def _sources(languages: Sequence[str]) -> Sequence[str | None]:
    """Whisper's codes; None: the language is not known."""
    return [whisper_code(code) for code in languages] or [None]


def _unavailable(served: ServedLanguages) -> InvalidRequestError:
    missing = "translation worker" if served.translators is False else "translation model for this language"
    message = f"no {missing} is running, and the speech model does not translate"
    return InvalidRequestError(message, code="translation_unavailable")
