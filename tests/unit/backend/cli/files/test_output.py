import re
from pathlib import Path

import pytest

from backend.cli.files.output import Output, OutputError
from backend.cli.files.transcript import FileTranscript, Format
from tests.testkit.streams.jobs import final


def output(folder: Path, *recordings: str, form: Format = "txt", targets: str = "", overwrite: bool = False) -> Output:
    return Output(form, folder / "out", tuple(targets.split()), tuple(map(Path, recordings)), overwrite)


def transcript(*languages: str) -> FileTranscript:
    return FileTranscript([final(1, "Hello.", end_ms=900)], {(1, language): "Text." for language in languages})


def written(folder: Path) -> set[str]:
    return {path.name for path in (folder / "out").iterdir()}


@pytest.mark.parametrize(
    ("recordings", "names"),
    [
        ("talk.mp4", {"talk.txt"}),
        ("talk.mp4 other.wav", {"talk.txt", "other.txt"}),
        ("talk.mp4 talk.wav", {"talk.mp4.txt", "talk.wav.txt"}),
        ("- talk.wav", {"stdin.txt", "talk.txt"}),
        ("a/x.wav b/x.mp3", {"x.wav.txt", "x.mp3.txt"}),
    ],
)
def test_files_are_named_after_the_recordings(recordings: str, names: set[str], tmp_path: Path) -> None:
    to = output(tmp_path, *recordings.split())
    to.prepare()
    for recording in to.recordings:
        to.write(recording, transcript())
    assert written(tmp_path) == names


@pytest.mark.parametrize(
    ("recordings", "form", "targets"),
    [
        ("a/x.wav b/x.wav", "txt", ""),
        ("x.wav /elsewhere/x.wav", "json", ""),
        ("talk.wav talk.es.wav", "srt", "es"),  # a translation and another recording
        ("x.wav x.mp3 x.wav.flac", "vtt", ""),
    ],
)
def test_recordings_that_share_a_file_are_refused(recordings: str, form: Format, targets: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="to the same file"):
        output(tmp_path, *recordings.split(), form=form, targets=targets).prepare()
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("existing", ["talk.srt", "talk.es.srt"])
def test_an_existing_file_is_replaced_only_with_overwrite(existing: str, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / existing).write_text("old")
    with pytest.raises(OutputError, match=re.escape(f"{existing} exists: use --overwrite")):
        output(tmp_path, "talk.wav", form="srt", targets="es").prepare()
    allowed = output(tmp_path, "talk.wav", form="srt", targets="es", overwrite=True)
    allowed.prepare()
    allowed.write(Path("talk.wav"), transcript("es"))
    assert (tmp_path / "out" / existing).read_text() != "old"


def test_a_file_that_appears_during_the_work_is_kept(tmp_path: Path) -> None:
    to = output(tmp_path, "talk.wav")
    to.prepare()
    (tmp_path / "out" / "talk.txt").write_text("another program's")
    with pytest.raises(FileExistsError):
        to.write(Path("talk.wav"), transcript())
    assert (tmp_path / "out" / "talk.txt").read_text() == "another program's"


def test_a_recording_is_never_replaced_by_its_transcript(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    recording = tmp_path / "out" / "talk.txt"
    recording.write_bytes(b"RIFF")
    with pytest.raises(OutputError, match="is one of the recordings"):
        output(tmp_path, str(recording), overwrite=True).prepare()


def test_no_file_is_written_for_a_language_without_a_translation(tmp_path: Path) -> None:
    to = output(tmp_path, "talk.wav", form="srt", targets="es zh")
    to.prepare()
    said = [path.name for path in to.write(Path("talk.wav"), transcript("es"))]
    assert said == ["talk.srt", "talk.es.srt"], "the command prints the same names"
    assert written(tmp_path) == set(said)


def test_silence_gives_empty_files(tmp_path: Path) -> None:
    to = output(tmp_path, "talk.wav", form="srt", targets="es")
    to.prepare()
    to.write(Path("talk.wav"), FileTranscript())
    assert written(tmp_path) == {"talk.srt", "talk.es.srt"}


def test_a_directory_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=r"no file can be written to .*file/sub: Not a directory"):
        Output("txt", tmp_path / "file" / "sub", (), (Path("talk.wav"),)).prepare()
