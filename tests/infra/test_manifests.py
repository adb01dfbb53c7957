"""The Kubernetes manifests and systemd units match the settings, streams and metrics of the services."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from prometheus_client import REGISTRY

import backend.streams.metrics
import gateway.metrics
from backend.streams.names import DURABLE_STREAMS, STREAM_KINDS, STT_GROUP, TRANSLATION_GROUP, Shard
from tests.infra.tools import objects
from tests.paths import INFRA, ROOT

OVERLAYS = ("cpu", "gpu", "redis-cluster")
# Time after the drain, for requests in progress and the threads of the models.
LEAVING_S = 5
DECLARED_IN = (gateway.metrics, backend.streams.metrics)
METRICS = {metric.name for metric in REGISTRY.collect()}


@cache
def _of(overlay: str) -> tuple[dict[str, Any], ...]:
    return tuple(objects(INFRA / "kubernetes" / "overlays" / overlay))


def _kind(overlay: str, kind: str) -> dict[str, dict[str, Any]]:
    return {item["metadata"]["name"]: item for item in _of(overlay) if item["kind"] == kind}


def _pods(overlay: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for kind in ("Deployment", "StatefulSet"):
        for name, item in _kind(overlay, kind).items():
            yield name, item["spec"]["template"]["spec"]


def _environment(pod: dict[str, Any]) -> dict[str, str]:
    return {each["name"]: each.get("value", "") for each in pod["containers"][0].get("env", ())}


def _settings() -> set[str]:
    text = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    return set(re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE))


@pytest.fixture(params=OVERLAYS)
def overlay(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_all_overlays_are_checked() -> None:
    assert sorted(path.name for path in (INFRA / "kubernetes" / "overlays").iterdir()) == sorted(OVERLAYS)


def test_containers_have_no_unneeded_privileges(overlay: str) -> None:
    for name, pod in _pods(overlay):
        assert pod["securityContext"]["runAsNonRoot"], name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert pod["automountServiceAccountToken"] is False, name
        for container in (*pod["containers"], *pod.get("initContainers", ())):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), name
            assert "memory" in container["resources"]["limits"], name


def test_the_grace_period_of_a_pod_covers_its_drain_time(overlay: str) -> None:
    drained = 0
    for name, pod in _pods(overlay):
        for variable, seconds in _environment(pod).items():
            if variable.endswith("_DRAIN_S"):
                before = pod["containers"][0].get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
                assert pod["terminationGracePeriodSeconds"] >= before + float(seconds) + LEAVING_S, name
                drained += 1
    assert drained == 3


def test_the_stop_timeout_of_a_unit_covers_its_drain_time() -> None:
    drains = _drains()
    for unit, service in (("gateway@", "GATEWAY"), ("stt@", "STT"), ("translation", "TRANSLATION")):
        text = (INFRA / "systemd" / f"nova-{unit}.service").read_text(encoding="utf-8")
        [stop] = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
        assert float(stop) >= drains[service] + LEAVING_S


def _drains() -> dict[str, float]:
    """Return the default drain time of each service."""
    text = (ROOT / "docs" / "reference" / "configuration.md").read_text(encoding="utf-8")
    return {name: float(seconds) for name, seconds in re.findall(r"`([A-Z]+)_DRAIN_S` \| `([\d.]+)`", text)}


def test_every_variable_that_is_set_is_a_setting(overlay: str) -> None:
    named = {name for _, pod in _pods(overlay) for name in _environment(pod)}
    named |= {name for item in _kind(overlay, "ConfigMap").values() for name in item["data"]}
    assert named - _settings() == set()


def test_every_variable_in_a_unit_is_a_setting() -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in (INFRA / "systemd").glob("*.service"))
    named = set(re.findall(r"\b([A-Z]+_[A-Z_]+)=", text))
    assert len(named) > 3
    assert named - _settings() == set()


def test_probes_use_the_right_paths_and_ports(overlay: str) -> None:
    for name in ("gateway", "stt-worker", "translation-worker"):
        [container] = _kind(overlay, "Deployment")[name]["spec"]["template"]["spec"]["containers"]
        assert container["livenessProbe"]["httpGet"]["path"] == "/health"
        assert container["readinessProbe"]["httpGet"]["path"] == "/health/ready"
        [port] = container["ports"]
        assert container["livenessProbe"]["httpGet"]["port"] == port["name"]
        environment = _environment({"containers": [container]})
        assert str(port["containerPort"]) in {environment.get("GATEWAY_PORT")} | {
            value for variable, value in environment.items() if variable.endswith("_METRICS_PORT")
        }


def test_scaled_objects_name_existing_deployments_streams_and_metrics(overlay: str) -> None:
    deployments, scaled = _kind(overlay, "Deployment"), _kind(overlay, "ScaledObject")
    assert deployments.keys() == scaled.keys()
    groups = (STT_GROUP, TRANSLATION_GROUP)
    streams = {Shard(0).jobs(group, kind): group for kind in DURABLE_STREAMS for group in groups}
    for item in scaled.values():
        assert item["spec"]["scaleTargetRef"]["name"] in deployments
        for trigger in item["spec"]["triggers"]:
            metadata = trigger["metadata"]
            if trigger["type"] == "redis-streams":
                assert streams[metadata["stream"]] == metadata.get("consumerGroup", streams[metadata["stream"]])
                assert ("lagCount" in metadata) == ("consumerGroup" in metadata)
                assert trigger["authenticationRef"]["name"] in _kind(overlay, "TriggerAuthentication")
            else:
                assert re.findall(r"[a-z_]+(?=\{)", metadata["query"])[0] in METRICS


def test_the_pattern_of_the_cluster_matches_the_streams_of_every_shard() -> None:
    for name, group in (("stt-worker", STT_GROUP), ("translation-worker", TRANSLATION_GROUP)):
        triggers = _kind("redis-cluster", "ScaledObject")[name]["spec"]["triggers"]
        for trigger, kind in zip(triggers, DURABLE_STREAMS, strict=True):
            [pattern] = re.findall(r'lane=~"([^"]+)"', trigger["metadata"]["query"])
            matched = [other for other in STREAM_KINDS if re.fullmatch(pattern, Shard(11).jobs(group, other))]
            assert matched == [kind]


def test_each_gpu_worker_requests_one_gpu_and_uses_it() -> None:
    for name, prefix in (("stt-worker", "STT"), ("translation-worker", "TRANSLATION")):
        pod = _kind("gpu", "Deployment")[name]["spec"]["template"]["spec"]
        assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
        assert _environment(pod)[f"{prefix}_DEVICE"] == "cuda"
        assert pod["containers"][0]["image"].endswith("-cuda")


def test_manifests_refer_to_secrets_and_contain_none(overlay: str) -> None:
    assert not _kind(overlay, "Secret")
    for name, pod in _pods(overlay):
        for container in pod["containers"]:
            secret = [each for each in container.get("env", ()) if each["name"] == "REDIS_URL"]
            assert all(each["valueFrom"]["secretKeyRef"]["key"] == "REDIS_URL" for each in secret), name


def test_only_pods_that_use_redis_can_connect_to_it(overlay: str) -> None:
    policies = _kind(overlay, "NetworkPolicy")
    assert policies["default-deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    [allowed] = policies["allow-redis"]["spec"]["podSelector"]["matchExpressions"]
    users = {name for name, pod in _pods(overlay) if "REDIS_URL" in _environment(pod)}
    assert set(allowed["values"]) == users


def test_redis_has_the_same_settings_in_kubernetes_as_elsewhere() -> None:
    text = (INFRA / "valkey.conf").read_text(encoding="utf-8")
    directives = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    [container] = _kind("cpu", "StatefulSet")["redis"]["spec"]["template"]["spec"]["containers"]
    told = dict(zip(container["args"][::2], container["args"][1::2], strict=True))
    for name, value in directives:
        if name not in ("bind", "port", "aclfile"):
            assert told[f"--{name}"] == value
