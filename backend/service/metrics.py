"""Metrics of every service about its build and model."""

from importlib.metadata import version

from prometheus_client import Gauge

BUILD = Gauge("nova_build_info", "Always 1; the label is the release", ["version"])
MODEL = Gauge(
    "nova_model_info",
    "Always 1; the labels are the loaded models and their devices",
    ["kind", "model", "device", "compute_type"],
)


def export_build_info() -> None:
    BUILD.labels(version("nova-voice")).set(1)
