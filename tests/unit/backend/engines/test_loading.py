"""Choosing a device and a compute type, with a model that only records where it is opened."""

import pytest
from structlog.testing import capture_logs

from backend.engines import loading
from backend.engines.loading import DevicePlacement, Hardware, load_model
from backend.errors import ModelError

SUPPORTED = {"cpu": {"float32", "int8"}, "cuda": {"float32", "float16", "int8_float16"}}


@pytest.fixture
def one_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which CTranslate2 sees one GPU."""
    monkeypatch.setattr(loading, "count_gpus", lambda: 1)
    monkeypatch.setattr(loading, "supported_compute_types", lambda device, index: SUPPORTED[device])


def opened(placement: DevicePlacement) -> DevicePlacement:
    return placement


def fails_on_gpu(placement: DevicePlacement) -> DevicePlacement:
    if placement.device == "cuda":
        raise RuntimeError("Library libcublas.so.12 is not found or cannot be loaded")
    return placement


@pytest.mark.usefixtures("one_gpu")
@pytest.mark.parametrize(
    ("hardware", "placement", "device"),
    [
        (Hardware(), DevicePlacement("cuda", 0, "float16"), "cuda:0"),
        (Hardware("cuda", 3, "int8_float16"), DevicePlacement("cuda", 3, "int8_float16"), "cuda:3"),
        (Hardware("cpu"), DevicePlacement("cpu", 0, "int8"), "cpu"),
        (Hardware("cpu", 3, "float32"), DevicePlacement("cpu", 0, "float32"), "cpu"),
        (Hardware("cpu", compute_type="float16"), DevicePlacement("cpu", 0, "int8"), "cpu"),
    ],
)
def test_a_model_is_opened_on_the_device_with_a_compute_type_that_it_supports(
    hardware: Hardware, placement: DevicePlacement, device: str
) -> None:
    assert load_model("m", hardware, opened) == (placement, device)


@pytest.mark.usefixtures("one_gpu")
def test_a_gpu_that_cannot_run_the_model_is_reported_and_the_cpu_is_used() -> None:
    with capture_logs() as logs:
        placement, device = load_model("m", Hardware("cuda", 1, "float16"), fails_on_gpu)
    assert (placement, device) == (DevicePlacement("cpu", 0, "int8"), "cpu")
    assert [(line["event"], line["model"]) for line in logs] == [("gpu_unusable", "m"), ("model_loaded", "m")]
    assert "libcublas" in logs[0]["error"]


def test_a_model_that_runs_nowhere_is_an_error() -> None:
    def fails(placement: DevicePlacement) -> None:
        raise ValueError("unsupported model")

    with pytest.raises(ModelError, match="cannot load the model m: unsupported model"):
        load_model("m", Hardware("cpu"), fails)


@pytest.mark.parametrize(("threads", "at_once", "batches"), [(0, 0, 4), (1, 0, 4), (2, 0, 2), (9, 0, 1), (2, 7, 7)])
def test_cores_are_shared_by_parallel_batches(
    monkeypatch: pytest.MonkeyPatch, threads: int, at_once: int, batches: int
) -> None:
    monkeypatch.setattr(loading, "default_cores", lambda: 4)
    assert Hardware(threads=threads, at_once=at_once).parallel_batches == batches
