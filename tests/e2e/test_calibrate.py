"""`nova doctor --calibrate` measures this machine, and workers apply the result."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from stt_worker.calibration.results import Calibration
from stt_worker.loading import load_recognizer, with_calibration
from stt_worker.settings import SttSettings
from tests.testkit.system.command import nova


def test_a_worker_applies_a_valid_calibration_only(
    whisper_tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOVA_CACHE_DIR", str(tmp_path))
    settings = SttSettings(model=str(whisper_tiny), device="cpu")
    assert _calibrated(settings) == (settings, "calibration_ignored")

    options = ("--calibrate", "--quick", "--force", "--json", "--model", whisper_tiny)
    done = nova("doctor", *options, environment={"STT_DEVICE": "cpu"})
    assert done.returncode == 0, done.stderr
    found = Calibration.model_validate_json(done.stdout)
    assert {trial.batch for trial in found.trials} == {1, 2}
    assert 0 < found.greedy_cost < 2
    assert found.previews
    assert min(found.previews.values()) > 0
    assert found.sessions_without_previews >= found.sessions

    best, event = _calibrated(settings)
    assert event == "calibration_applied"
    assert (best.threads, best.compute_type, best.batch) == (found.threads, found.compute_type, found.batch)
    assert best.beam_size == 5
    assert load_recognizer(best).device == "cpu"

    mine = SttSettings(model=str(whisper_tiny), device="cpu", threads=1, compute_type="float32", batch=3)
    assert _calibrated(mine) == (mine, "calibration_applied")

    (file,) = tmp_path.glob("calibration/*.json")
    file.write_text(json.dumps({**json.loads(done.stdout), "batch": 0}), encoding="utf-8")
    assert _calibrated(settings) == (settings, "calibration_ignored")


def test_recognizers_without_a_local_model_are_not_calibrated() -> None:
    for model in ("null", "https://example.org/v1"):
        settings = SttSettings(model=model)
        assert with_calibration(settings) is settings


def test_a_missing_model_cannot_be_calibrated(tmp_path: Path) -> None:
    done = nova("doctor", "--calibrate", "--model", tmp_path / "none")
    assert done.returncode == 2
    assert "none" in done.stderr


def _calibrated(settings: SttSettings) -> tuple[SttSettings, str]:
    with capture_logs() as logs:
        best = with_calibration(settings)
    (line,) = logs
    return best, line["event"]
