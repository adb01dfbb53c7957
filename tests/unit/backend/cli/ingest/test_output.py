"""Captions of a stream go to the sinks of their language."""

from collections.abc import Sequence
from pathlib import Path

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.files.subtitles.units import TimedText
from backend.cli.ingest.growing_files import SubtitlePlan, open_files
from backend.cli.ingest.output import CaptionOutput
from backend.cli.sinks.fan_out import CaptionSinks
from backend.messages.protocol import Final, Notice, Translation


class NotedSinks(CaptionSinks):
    """Notes what each language gets."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[tuple[str | None, str]] = []

    @property
    def languages(self) -> set[str]:
        return {"es"}

    def append(self, language: str | None, utterance: Sequence[TimedText]) -> None:
        self.noted += [(language, "".join(word.text for word in part.words)) for part in utterance]


def final(utterance: int, text: str, *targets: str) -> Final:
    return Final(
        utterance=utterance, text=text, language="en", confidence=1, start_ms=0, end_ms=900, translate_to=targets
    )


def test_sinks_get_translations_in_order_and_the_spoken_text_where_there_is_none(tmp_path: Path) -> None:
    sinks = NotedSinks()
    with open_files(SubtitlePlan({}, (), CueLimits(), overwrite=False)) as files:
        output = CaptionOutput(files, as_json=True, sinks=sinks)
        output.apply_event(final(1, "One.", "es"))
        output.apply_event(final(2, "Two.", "es"))
        output.apply_event(final(3, "Tres."))
        output.apply_event(Translation(utterance=2, language="es", text="Dos.", is_final=True))
        assert sinks.noted == [(None, "One."), (None, "Two."), (None, "Tres.")]
        output.apply_event(Notice(code="c", message="m", utterance=1, language="es"))
    assert sinks.noted[3:] == [("es", "One."), ("es", "Dos."), ("es", "Tres.")]
