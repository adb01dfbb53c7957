"""Subtitle files that are valid after each utterance, in each language."""

from pathlib import Path

import pytest

from backend.cli.files.output import OutputError
from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.ingest.cue_writer import SubtitleForm
from backend.cli.ingest.growing_files import SubtitlePlan, open_files
from backend.cli.ingest.output import CaptionOutput
from backend.messages.protocol import Final, Translation


def plan(folder: Path, *forms: SubtitleForm, targets: tuple[str, ...] = (), overwrite: bool = False) -> SubtitlePlan:
    return SubtitlePlan({form: folder / f"talk.{form}" for form in forms}, targets, CueLimits(), overwrite)


def final(utterance: int, start_ms: int, text: str, *targets: str, speaker: str | None = None) -> Final:
    return Final(
        utterance=utterance,
        text=text,
        language="en",
        confidence=1,
        start_ms=start_ms,
        end_ms=start_ms + 1_000,
        translate_to=targets,
        speaker=speaker,
    )


def test_each_utterance_is_in_the_files_as_soon_as_it_arrives(tmp_path: Path) -> None:
    srt, vtt = tmp_path / "talk.srt", tmp_path / "talk.vtt"
    with open_files(plan(tmp_path, "srt", "vtt")) as files:
        output = CaptionOutput(files, as_json=False)
        assert (srt.read_text(), vtt.read_text()) == ("", "WEBVTT\n\n")
        output.apply_event(final(1, 0, "Good morning.", speaker="1"))
        assert srt.read_text() == "1\n00:00:00,000 --> 00:00:01,500\nSpeaker 1: Good morning.\n\n"
        output.apply_event(final(2, 3_600_000, "Good <night>.", speaker="1"))
        assert srt.read_text().endswith("\n\n2\n01:00:00,000 --> 01:00:01,500\nGood <night>.\n\n")
        assert vtt.read_text().endswith("\n\n01:00:00.000 --> 01:00:01.500\n<v Speaker 1>Good &lt;night&gt;.</v>\n\n")


def test_translations_are_in_files_of_their_own_in_the_order_of_the_speech(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with open_files(plan(tmp_path, "vtt", targets=("es",))) as files:
        output = CaptionOutput(files, as_json=False)
        output.apply_event(final(1, 0, "One.", "es"))
        output.apply_event(final(2, 5_000, "Two.", "es"))
        output.apply_event(Translation(utterance=2, language="es", text="Dos.", is_final=True))
        assert "Two." in (tmp_path / "talk.vtt").read_text()
        assert (tmp_path / "talk.es.vtt").read_text() == "WEBVTT\n\n"
        output.apply_event(Translation(utterance=1, language="es", text="Uno.", is_final=True))
    assert (tmp_path / "talk.es.vtt").read_text() == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nUno.\n\n00:00:05.000 --> 00:00:06.500\nDos.\n\n"
    )
    assert capsys.readouterr().out == "One.\n  es: Uno.\nTwo.\n  es: Dos.\n"


def test_cues_do_not_overlap_although_the_last_one_cannot_be_changed(tmp_path: Path) -> None:
    with open_files(plan(tmp_path, "srt")) as files:
        output = CaptionOutput(files, as_json=False)
        for number in range(3):
            output.apply_event(final(number, 1_000 * number, "Word."))
    times = [line for line in (tmp_path / "talk.srt").read_text().splitlines() if "-->" in line]
    assert times == ["00:00:00,000 --> 00:00:01,500", "00:00:01,500 --> 00:00:02,500", "00:00:02,500 --> 00:00:03,500"]


def test_a_translation_that_is_missing_at_the_end_is_a_problem(tmp_path: Path) -> None:
    with open_files(plan(tmp_path, "srt", targets=("es",))) as files:
        output = CaptionOutput(files, as_json=True)
        output.apply_event(final(1, 0, "One.", "es"))
        output.finish()
    assert output.problems == 1


def test_a_file_that_exists_is_replaced_on_request_only(tmp_path: Path) -> None:
    old = tmp_path / "talk.es.srt"
    old.write_text("old")
    with pytest.raises(OutputError, match="exists"), open_files(plan(tmp_path, "srt", targets=("es",))):
        pass
    assert old.read_text() == "old"
    with open_files(plan(tmp_path, "srt", targets=("es",), overwrite=True)):
        assert old.read_text() == ""


def test_a_folder_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="No such file"), open_files(plan(tmp_path / "missing", "srt")):
        pass
