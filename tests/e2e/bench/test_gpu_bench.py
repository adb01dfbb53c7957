"""The GPU benchmark without a GPU: a dry run, and the search for cuBLAS."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.support import gpu_machine
from tests.paths import ROOT


@pytest.fixture
def tokenizer(whisper_tiny: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    for file in ("tokenizer.json", "config.json", "vocabulary.json", "vocabulary.txt"):
        if (whisper_tiny / file).is_file():
            (folder / file).symlink_to(whisper_tiny / file)
    return folder


def test_a_dry_run_prints_the_number_of_sessions_and_its_derivation(tokenizer: Path, tmp_path: Path) -> None:
    size, rows_file = ("--shape", "tiny", "--batches", "1,2", "--rounds", "1"), tmp_path / "rows.json"
    done = run_bench("--cpu", *size, "--like", tokenizer, "--json", rows_file)
    assert done.returncode == 0, done.stderr
    rows = json.loads(rows_file.read_text())["rows"]
    assert [row["batch"] for row in rows] == [1, 2]
    assert all(row["faithful"] and "compute only" in row["model"] for row in rows)
    assert "0.7 / (0.5 * (" in done.stdout


def test_a_dry_run_of_the_whole_system_serves_sessions_on_two_gateways(tokenizer: Path, tmp_path: Path) -> None:
    plan = ("--sessions", "2", "--gateways", "2", "--start", "1", "--seconds", "8", "--batch", "8")
    result = tmp_path / "result.json"
    done = run_bench(
        "--cpu", "--shape", "tiny", *plan, "--like", tokenizer, "--json", result, bench="tests.bench.gpu_live"
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(result.read_text())["rows"]["tiny's shape"]
    assert row["sessions"] == 2
    assert row["refused"] == row["missing"] == 0
    assert row["finals"] >= 2
    assert row["batch final"] >= 1
    assert 0 < row["final p50"] <= row["final p95"]
    assert row["stt_worker cores"] > 0


def test_missing_requirements_are_reported(tmp_path: Path) -> None:
    done = run_bench("--cpu", "--like", tmp_path)
    assert done.returncode == 2
    assert "--like" in done.stderr


def test_cublas_of_cuda_12_is_found_in_the_given_folder(tmp_path: Path) -> None:
    (tmp_path / gpu_machine.CUBLAS).touch()
    assert gpu_machine.cublas([tmp_path / "none", tmp_path], tmp_path / "links") == [tmp_path]


@pytest.mark.skipif(gpu_machine.loads(gpu_machine.CUBLAS), reason="the loader finds cuBLAS of CUDA 12")
def test_cublas_of_cuda_13_is_used_if_there_is_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    newer, links = tmp_path / "cuda13", tmp_path / "links"
    newer.mkdir()
    links.mkdir()
    (newer / gpu_machine.NEWER_CUBLAS).touch()
    assert gpu_machine.cublas([newer], links) == [links, newer]
    assert (links / gpu_machine.CUBLAS).resolve() == newer / gpu_machine.NEWER_CUBLAS
    assert "is used instead" in capsys.readouterr().err


def run_bench(*arguments: str | Path, bench: str = "tests.bench.gpu") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", bench, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=ROOT,
        check=False,
    )
