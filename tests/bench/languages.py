"""Count the utterances whose language is detected wrongly: `python -m tests.bench.languages [CLIP...]`.

Each clip is one session with automatic detection: its utterances are recognized in order, with the evidence of those
before. The reference is faster-whisper, which detects one language from the first 30 s of the whole clip.
"""

from dataclasses import dataclass, field

import click
import numpy as np
from faster_whisper import WhisperModel

from backend.text.language_odds import likeliest
from gateway.session.language_evidence import LanguageEvidence
from stt_worker.loading import load_recognizer, model_directory
from stt_worker.recognizers.recognizer import Recognizer, Speech
from stt_worker.settings import SttSettings
from tests.testkit.audio.clips import RATE, Clip, shared_clips
from tests.testkit.audio.reference import segment


@dataclass(slots=True)
class LanguageErrors:
    """Numbers of utterances, and the clips with wrong ones."""

    utterances: int = 0
    wrong: int = 0
    clips: list[str] = field(default_factory=list)

    def add(self, clip: Clip, detected: list[str]) -> None:
        wrong = sum(language != clip.language for language in detected)
        self.utterances += len(detected)
        self.wrong += wrong
        if wrong:
            self.clips.append(f"{clip.id} ({clip.language}): {' '.join(detected)}")


@click.command()
@click.argument("chosen", nargs=-1, metavar="[CLIP]...")
def main(chosen: tuple[str, ...]) -> None:
    """Compare the languages of the clips in ../shared with those that are detected. STT_MODEL names the model."""
    settings = SttSettings()
    recognizer, whisper = load_recognizer(settings), WhisperModel(str(model_directory(settings)), device="cpu")
    ours, offline = LanguageErrors(), LanguageErrors()
    for clip in shared_clips():
        if not chosen or clip.id in chosen:
            samples = clip.pcm().astype(np.float32) / np.float32(32_768)
            ours.add(clip, session_languages(recognizer, clip))
            offline.add(clip, [whisper.detect_language(audio=samples)[0]])
    for name, errors in (("session", ours), ("offline", offline)):
        click.echo(f"{name}: {errors.wrong} of {errors.utterances} wrong, in {len(errors.clips)} clips")
        click.echo("".join(f"  {clip}\n" for clip in errors.clips), nl=False)


def session_languages(recognizer: Recognizer, clip: Clip) -> list[str]:
    """The language of each utterance, with the evidence of those before it."""
    evidence, languages = LanguageEvidence(), list[str]()
    samples = clip.pcm().astype(np.float32) / np.float32(32_768)
    for number, (begin, end) in enumerate(segment(clip.pcm()).utterances):
        odds = evidence.odds()
        speech = Speech(samples[begin:end], last_language=likeliest(odds) if odds else None, language_odds=odds)
        (found,) = recognizer.recognize([speech])
        evidence.add(number, found.languages, (end - begin) / RATE)
        languages.append(found.language)
    return languages


if __name__ == "__main__":
    main()
