"""Names that `hotwords` improve or invent: `python -m tests.bench.hotwords`.

Clips of readers (LibriSpeech) are recognized without hotwords, with the names that are said in them, with these among
names that are in no clip, and with the latter alone. Counts the names that are recognized, and those that are invented.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from backend import models
from backend.engines.loading import Hardware
from backend.text.edits import WordErrors
from backend.text.normalize import normalized_words
from stt_worker.recognizers.whisper import FasterWhisper
from stt_worker.settings import SttSettings
from stt_worker.worker import SttWorker
from tests.bench.support.worker_texts import english_entry, texts
from tests.testkit import cli
from tests.testkit.audio.clips import Clip, shared_clips

# Names and rare words in the clips.
NAMES = (
    *("Quilter", "eunuch", "Allah", "Zau", "Makan", "Nuzhat", "Zaman", "Moses", "Lincoln", "Egyptian", "Merneptah"),
    *("Hebrews", "Joseph", "Ephraim", "Manasseh", "crayfish", "Newberg", "Liddy", "Jamieson", "Warner", "Innes"),
    *("churchyards", "Concord", "whilome", "distichs", "sojourn"),
)
# Names that are in none of them.
OTHERS = (
    *(
        "Siobhan",
        "Okonkwo",
        "Ravensworth",
        "Kuznetsov",
        "Yamamoto",
        "Lindqvist",
        "Castellano",
        "Huntington",
        "Delacroix",
    ),
    *("McAllister", "Gunnarsson", "Petrova", "Abernathy", "Nakamura", "Fitzwilliam"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """One row for each way to choose hotwords, for the clips with names, and for the clips without any."""

    rows: tuple[cli.Row, ...]
    wrong: tuple[str, ...] = ()


def said_in(text: str, names: Sequence[str]) -> list[str]:
    """The names that are words of the text."""
    words = set(normalized_words(text, "en"))
    return [name for name in names if name.lower() in words]


def own(clip: Clip) -> str:
    return ", ".join(said_in(clip.text, NAMES))


def others(clip: Clip) -> str:
    return ", ".join(OTHERS)


def own_and_others(clip: Clip) -> str:
    """In alphabetical order, so that those that are said are not always first."""
    return ", ".join(sorted((*said_in(clip.text, NAMES), *OTHERS)))


def nothing(clip: Clip) -> str:
    return ""


WAYS: dict[str, Callable[[Clip], str]] = {
    "none": nothing,
    "those that are said": own,
    "those, and 15 others": own_and_others,
    "15 others": others,
}


def row(group: str, way: str, clips: Sequence[Clip], worker: SttWorker) -> cli.Row:
    """Recognize the clips with these hotwords."""
    errors, said, found, invented = WordErrors(), 0, 0, 0
    entries = [english_entry(clip.pcm(), hotwords=WAYS[way](clip)) for clip in clips]
    for clip, text in zip(clips, texts(worker, entries), strict=True):
        names = said_in(clip.text, NAMES)
        said, found = said + len(names), found + len(said_in(text, names))
        invented += len(said_in(text, OTHERS))
        errors.add(clip.text, text)
    return {
        "clips": f"{len(clips)} {group}",
        "hotwords": way,
        "names recognized": f"{found} of {said}",
        "invented": invented,
        "words": errors.words,
        "WER %": errors.percent,
    }


def rows(clips: Sequence[Clip], worker: SttWorker) -> Iterator[cli.Row]:
    """The clips with names in all ways, the others without hotwords and with names that are in no clip."""
    named, plain = ([clip for clip in clips if bool(own(clip)) is has] for has in (True, False))
    for way in WAYS:
        yield row("with names", way, named, worker)
    for way in ("none", "15 others") if plain else ():
        yield row("without", way, plain, worker)


@click.command()
@click.option("--clips", default=100, show_default=True, help="Clips, at most.")
@cli.model_option("whisper-base")
@cli.json_option
def main(clips: int, model: str, json_file: Path | None) -> None:
    """Measure how many names hotwords improve, and how many they invent."""
    cli.log_errors_only()
    chosen = [clip for clip in shared_clips() if clip.id.startswith("ls-")][:clips]
    recognizer = FasterWhisper(models.fetch(model), model=model, hardware=Hardware("cpu"))
    report = Report(tuple(rows(chosen, SttWorker(recognizer, SttSettings()))))
    cli.finish(report, cli.table(report.rows), json_file)


if __name__ == "__main__":
    main()
