"""Alerts and dashboards query only metrics that exist."""

import json
import re
from pathlib import Path

import pytest
import yaml

from tests.paths import INFRA
from tests.testkit.prometheus_rules import RULES, expressions, known, named, rules, unknown

DASHBOARDS = sorted((INFRA / "grafana" / "dashboards").glob("*.json"))
PUBLISHED = {
    "gateway_active_connections",
    "stt_processing_duration_seconds_sum",
    "translation_batch_size_sum",
    "redis_stream_length",
}
STYLE = re.compile(r"nova_[a-z_]+_(seconds|bytes|ratio|info|level|entries|size|total)(_(bucket|sum|count))?")
PLAIN = {"nova_workers", "nova_redis_up", "nova_gateway_open_sessions", "nova_gateway_room_readers"}
PLAIN |= {"nova_stt_recognizer_ready"}


@pytest.mark.parametrize("path", [RULES, *DASHBOARDS], ids=lambda path: path.name)
def test_every_queried_metric_exists(path: Path) -> None:
    assert list(expressions(path)), "it asks for nothing"
    assert unknown(path) == set()


@pytest.mark.parametrize("path", [RULES, *DASHBOARDS], ids=lambda path: path.name)
def test_an_unknown_metric_is_detected(path: Path, tmp_path: Path) -> None:
    asked = next(name for name in sorted(named(next(iter(expressions(path))))) if name not in {"up"})
    planted = tmp_path / path.name
    planted.write_text(path.read_text().replace(asked, asked + "x"))
    assert f"{asked}x" in unknown(planted)


def test_metric_names_are_extracted_from_an_expression() -> None:
    expression = (
        'histogram_quantile(0.95, sum by (le, kind) (rate(a_bucket{group="stt", job=~"x|y"}[5m])))'
        " / on(kind) max without (instance) (nova:b:p95 offset 15m) > 2e6 and absent(up == 1)"
    )
    assert named(expression) == {"a_bucket", "nova:b:p95", "up"}


def test_published_metric_names_are_unchanged_and_new_ones_follow_the_convention() -> None:
    names = {name for name in known() if name.startswith("nova_")}
    assert known() >= PUBLISHED
    assert {name for name in names if not STYLE.fullmatch(name)} <= PLAIN


def test_every_alert_has_a_severity_and_instructions() -> None:
    for alert in (rule for rule in rules(RULES) if "alert" in rule):
        assert alert["labels"]["severity"] in ("critical", "warning"), alert  # type: ignore[index]
        assert set(alert["annotations"]) == {"summary", "description"}, alert


def test_every_alert_is_tested() -> None:
    tests = (RULES.parent / "alerts_test.yaml").read_text()
    untested = [rule["alert"] for rule in rules(RULES) if rule.get("alert", "") not in _expanded(tests)]
    assert untested == []


def _expanded(text: str) -> str:
    """Return the alert names with `Nova(A|B)` expanded."""
    for group in re.findall(r"Nova\(([\w|]+)\)", text):
        text += " ".join(f"Nova{name}" for name in group.split("|"))
    return text


def test_grafana_provisions_the_dashboards_and_their_data_source() -> None:
    provisioning = INFRA / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())["datasources"]
    boards = [json.loads(path.read_text()) for path in DASHBOARDS]
    assert {path.stem for path in DASHBOARDS} == {"overview", "gateway", "stt", "translation"}
    assert len({board["uid"] for board in boards}) == len(boards)
    assert {panel["datasource"]["uid"] for board in boards for panel in board["panels"]} == {source["uid"]}
