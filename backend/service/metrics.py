"""What every service tells of itself to Prometheus."""

from __future__ import annotations

from importlib.metadata import version

from prometheus_client import Gauge

BUILD = Gauge("nova_build_info", "Always 1; the label says which release runs", ["version"])
MODEL = Gauge(
    "nova_model_info",
    "Always 1; the labels say which models this worker has loaded, and where",
    ["kind", "model", "device", "compute_type"],
)


def export_build_info() -> None:
    """Let Prometheus know which release this process is."""
    BUILD.labels(version("nova-voice")).set(1)


def export_model_info(kind: str, model: str, device: str, compute_type: str) -> None:
    """Let it know what this worker has loaded."""
    MODEL.labels(kind, model, device, compute_type).set(1)
