"""The metrics that Prometheus rules and Grafana dashboards use."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import yaml
from prometheus_client.metrics import MetricWrapperBase

from backend.service import metrics as shared_metrics
from backend.streams import metrics as stream_metrics
from gateway import metrics as gateway_metrics
from stt_worker import metrics as stt_worker_metrics
from tests.paths import INFRA
from translation_worker import metrics as translation_worker_metrics

RULES = INFRA / "prometheus" / "alerts.yaml"
DECLARED: tuple[ModuleType, ...] = (
    shared_metrics,
    stream_metrics,
    gateway_metrics,
    stt_worker_metrics,
    translation_worker_metrics,
)
# Metrics of Prometheus and of its Python client.
OTHERS = {"up", "ALERTS", "process_resident_memory_bytes", "process_cpu_seconds_total"}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
WORDS = frozenset({"and", "or", "unless", "offset", "bool"})
_NOT_METRICS = re.compile(
    r'"[^"]*"'  # strings
    r"|\{[^}]*\}|\[[^\]]*\]"  # selectors and ranges
    r"|\b\w+\s+(?:by|without)\s*\([^)]*\)|\b(?:on|ignoring)\s*\([^)]*\)"  # label lists with their keyword
    r"|\b\w+\s*(?=\()"  # functions
)
_NAME = re.compile(r"(?<![\w.:])[a-zA-Z_:][\w:]*")


def named(expression: str) -> set[str]:
    """The metrics that a PromQL expression uses."""
    return set(_NAME.findall(_NOT_METRICS.sub(" ", expression))) - WORDS


def known() -> set[str]:
    """The names of all samples of our services and recording rules."""
    names = set(OTHERS)
    for module in DECLARED:
        for metric in vars(module).values():
            if isinstance(metric, MetricWrapperBase):
                (family,) = metric.describe()
                names |= {family.name + suffix for suffix in SUFFIXES.get(family.type, ("",))}
    return names | {rule["record"] for rule in rules(RULES) if "record" in rule}


def rules(path: Path) -> list[dict[str, str]]:
    """All rules in a file."""
    return [rule for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]]


def expressions(path: Path) -> Iterator[str]:
    """The PromQL expressions in a file of rules or a dashboard."""
    if path.suffix == ".yaml":
        yield from (rule["expr"] for rule in rules(path))
        return
    for panel in json.loads(path.read_text())["panels"]:
        yield from (target["expr"] for target in panel["targets"])


def unknown(path: Path) -> set[str]:
    """The metrics that a file uses and that do not exist."""
    return {name for expression in expressions(path) for name in named(expression)} - known()
