"""Compare the accuracy of the pipeline with faster-whisper offline, per language: `python -m tests.bench.accuracy`.

Every clip of ../shared is recognized by sessions without servers, as live speech and as a file, and by faster-whisper
with the same weights and beam size at temperature 0. In languages without spaces, characters are counted.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
from faster_whisper import WhisperModel

from backend import models
from backend.cli.transcribe import ENDPOINT_MS
from backend.engines.loading import Hardware
from backend.messages.protocol import Start
from backend.text.edits import WordErrors
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings
from tests.testkit import cli
from tests.testkit.audio.clips import Clip, shared_clips
from tests.testkit.models.offline_sessions import transcribe_all

# Recordings per progress line.
_AT_ONCE = 8


class Contestants:
    """The ways to recognize a clip, by name. Each returns one text per clip."""

    def __init__(self, model: Path, threads: int, detect: bool) -> None:
        self._recognizer = FasterWhisper(model, model=model.name, hardware=Hardware("cpu", threads=threads))
        self._offline = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=threads or 1)
        self._detect = detect
        self.ways: dict[str, Callable[[Sequence[Clip]], list[str]]] = {
            "live": lambda clips: self._sessions(clips),
            "file": lambda clips: self._sessions(clips, endpoint_ms=ENDPOINT_MS),
            "faster-whisper": self._whisper,
        }

    def _sessions(self, clips: Sequence[Clip], **options: Any) -> list[str]:
        starts = [Start(language=self._language(clip) or "auto", partials=False, **options) for clip in clips]
        sounds = [clip.pcm() for clip in clips]
        return [one.text for one in transcribe_all(self._recognizer, sounds, starts, are_files=bool(options))]

    def _whisper(self, clips: Sequence[Clip]) -> list[str]:
        return [self._whisper_text(clip) for clip in clips]

    def _whisper_text(self, clip: Clip) -> str:
        samples = clip.pcm().astype(np.float32) / np.float32(32_768)
        options = {"beam_size": SttSettings().beam_size, "temperature": 0}
        segments, _ = self._offline.transcribe(samples, language=self._language(clip), **options)
        return " ".join(segment.text.strip() for segment in segments)

    def _language(self, clip: Clip) -> str | None:
        return None if self._detect else clip.language


def row(language: str, clips: Sequence[Clip], texts: dict[str, list[str]]) -> cli.Row:
    """Errors in per cent of the words, or characters, of the clips in one language, and the words themselves."""
    errors = {way: WordErrors(language) for way in texts}
    for way, some in texts.items():
        for clip, text in zip(clips, some, strict=True):
            errors[way].add(clip.text, text)
    words = next(iter(errors.values())).words
    return {"language": language, "clips": len(clips), "words": words, **{way: e.percent for way, e in errors.items()}}


@click.command()
@cli.model_option("whisper-base")
@click.option("--language", "chosen", multiple=True, help="Only these languages.")
@click.option("--detect", is_flag=True, help="Detect the language instead of giving it.")
@cli.threads_option
@cli.json_option
def main(model: str, chosen: tuple[str, ...], detect: bool, threads: int, json_file: Path | None) -> None:
    """Print a row per language, and with --json also the texts of each clip."""
    cli.log_errors_only()
    contestants, progress = Contestants(models.fetch(model), threads, detect), cli.progress()
    clips = [clip for clip in shared_clips() if clip.kind != "bad-ref" and (not chosen or clip.language in chosen)]
    rows, texts = list[cli.Row](), dict[str, dict[str, list[str]]]()
    for language in sorted({clip.language for clip in clips}, key=lambda code: (code != "en", code)):
        spoken = [clip for clip in clips if clip.language == language]
        texts[language] = {way: list[str]() for way in contestants.ways}
        for at in range(0, len(spoken), _AT_ONCE):
            for way, recognize in contestants.ways.items():
                texts[language][way] += recognize(spoken[at : at + _AT_ONCE])
            progress(f"{language}: {min(at + _AT_ONCE, len(spoken))} of {len(spoken)} clips")
        rows.append(row(language, spoken, texts[language]))
    click.echo(cli.table(rows))
    cli.write_json(json_file, options={"model": model, "detect": detect}, rows=rows, texts=texts)


if __name__ == "__main__":
    main()
