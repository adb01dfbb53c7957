"""Manifests of recordings, and what is said of those that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from backend.errors import SetupError
from backend.load.clips import Clip, decode, read
from tests.testkit.audio.media_files import encode


def manifest(folder: Path, text: str) -> Path:
    path = folder / "manifest.jsonl"
    path.write_text(text, encoding="utf-8")
    return path


def test_paths_are_relative_to_the_manifest_and_what_else_stands_there_is_passed_over(tmp_path: Path) -> None:
    lines = """
{"audio_filepath": "a/b.wav", "text": "été", "lang": "fr", "duration": 1.5}

{"audio_filepath": "/c.wav", "text": ""}
"""
    assert read(manifest(tmp_path, lines)) == [
        Clip(tmp_path / "a" / "b.wav", "été", "fr"),
        Clip(Path("/c.wav"), "", ""),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"text": "no path"}', "line 1: audio_filepath: Field required"),
        ('{"audio_filepath": "a.wav", "text": "a"}\n{', "line 2: the line: Invalid JSON"),
        ('{"audio_filepath": "a.wav", "text": null}', "line 1: text: Input should be a valid string"),
        ("[]", "line 1: the line: Input should be an object"),
        ("", "names no recording"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_told_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(SetupError, match=complaint):
        read(manifest(tmp_path, text))


def test_a_manifest_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot be read"):
        read(tmp_path / "none.jsonl")
    (tmp_path / "latin.jsonl").write_bytes(b"\xe9t\xe9")
    with pytest.raises(SetupError, match="cannot be read"):
        read(tmp_path / "latin.jsonl")


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_recording_becomes_mono_samples_at_sixteen_kilohertz(tmp_path: Path, suffix: str) -> None:
    wave = (8_000 * np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000)).astype(np.int16)
    pcm = Clip(encode(tmp_path / f"a{suffix}", np.stack([wave, wave], axis=1), 48_000), "a").pcm()
    assert pcm.dtype == np.int16
    assert len(pcm) == pytest.approx(16_000, abs=20)
    assert np.abs(pcm[1_000:-1_000]).max() == pytest.approx(8_000, rel=0.05)


def test_what_cannot_be_decoded_is_told_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"missing\.wav cannot be decoded"):
        decode(tmp_path / "missing.wav")
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    with pytest.raises(SetupError, match=r"text\.wav cannot be decoded"):
        decode(text)
