"""Reading manifests and decoding recordings."""

from pathlib import Path

import numpy as np
import pytest

from backend.errors import SetupError
from backend.load.clips import AudioClip, decode, read_manifest
from tests.testkit.audio.media_files import encode


def manifest(folder: Path, text: str) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_manifest_and_other_fields_are_ignored(tmp_path: Path) -> None:
    lines = """
{"audio_filepath": "a/b.wav", "text": "été", "lang": "fr", "duration": 1.5}

{"audio_filepath": "/c.wav", "text": ""}
"""
    assert read_manifest(manifest(tmp_path, lines)) == [
        AudioClip(tmp_path / "a" / "b.wav", "été", "fr"),
        AudioClip(Path("/c.wav"), "", ""),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"text": "no path"}', "line 1: audio_filepath: Field required"),
        ('{"audio_filepath": "a.wav", "text": "a"}\n{', "line 2: the line: Invalid JSON"),
        ('{"audio_filepath": "a.wav", "text": null}', "line 1: text: Input should be a valid string"),
        ("[]", "line 1: the line: Input should be an object"),
        ("", "contains no recordings"),
    ],
)
def test_an_invalid_manifest_is_reported_with_the_line_number(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        read_manifest(manifest(tmp_path, text))


def test_an_unreadable_manifest_is_reported(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read"):
        read_manifest(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b"\xe9t\xe9")
    with pytest.raises(SetupError, match="cannot be read"):
        read_manifest(tmp_path / "latin.jsonl")


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_recording_is_decoded_to_16_khz_mono(tmp_path: Path, suffix: str) -> None:
    wave = (8_000 * np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000)).astype(np.int16)
    pcm = AudioClip(encode(tmp_path / f"a{suffix}", np.stack([wave, wave], axis=1), 48_000), "a").pcm()
    assert pcm.dtype == np.int16
    assert len(pcm) == pytest.approx(16_000, abs=20)
    assert np.abs(pcm[1_000:-1_000]).max() == pytest.approx(8_000, rel=0.05)


def test_a_file_that_cannot_be_decoded_is_reported_by_name(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"missing\.wav cannot be decoded"):
        decode(tmp_path / "missing.wav")
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    with pytest.raises(SetupError, match=r"text\.wav cannot be decoded"):
        decode(text)
