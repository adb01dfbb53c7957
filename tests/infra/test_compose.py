"""The images contain exactly the packages that their service imports, and the compose file matches its guide."""

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway.http.http_limits import UPLOAD_PATHS
from tests.infra.tools import tool
from tests.paths import INFRA

IMPORT = """
import sys
from importlib import import_module

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in denied:
            raise ModuleNotFoundError(f"not in this image: {name}", name=name)

denied = frozenset(sys.argv[1].split(","))
sys.meta_path.insert(0, Absent())
for module in sys.argv[2:]:
    import_module(module)
"""
# Modules that must be importable in each image: its service, and the commands of `nova` that its guide uses.
MODULES = {
    "gateway": ("gateway.gateway", "backend.cli.keys", "backend.cli.dead", "backend.cli.models"),
    "stt": ("stt_worker.worker", "stt_worker.recognizers.whisper", "backend.engines.loading", "backend.cli.models"),
    "translation": ("translation_worker.worker", "translation_worker.engine", "backend.cli.models"),
}
OURS = ("gateway", "stt_worker", "translation_worker", "stt_worker_gpu", "translation_worker_gpu", "models")


def needed(requirement: str) -> set[str]:
    """Return the names of all distributions that pip installs for a requirement, if they are installed here."""
    found: set[str] = set()
    waiting = [Requirement(requirement)]
    while waiting:
        wanted = waiting.pop()
        for extra in ("", *wanted.extras):
            key = f"{canonicalize_name(wanted.name)}[{extra}]"
            if key in found:
                continue
            found.add(key)
            lines = map(Requirement, requires(wanted.name) or ())
            waiting += [line for line in lines if line.marker is None or line.marker.evaluate({"extra": extra})]
    return {key.partition("[")[0] for key in found}


def absent(extra: str) -> set[str]:
    """Return modules that are installed here, but not in the image with this extra."""
    there = needed(f"nova-voice[tracing,{extra}]")
    owners = packages_distributions().items()
    return {name for name, owned_by in owners if not there & {canonicalize_name(owner) for owner in owned_by}}


def imported(extra: str, modules: tuple[str, ...]) -> str:
    """Import modules with only the packages of an extra, and return the errors."""
    denied = ",".join(absent(extra) - {"backend", "gateway", "stt_worker", "translation_worker", "tests"})
    done = subprocess.run([sys.executable, "-c", IMPORT, denied, *modules], capture_output=True, text=True, check=False)
    return done.stderr


@pytest.mark.parametrize("extra", MODULES)
def test_an_image_contains_all_packages_that_its_service_imports(extra: str) -> None:
    assert imported(extra, MODULES[extra]) == ""


@pytest.mark.parametrize(("extra", "heavy"), [("gateway", "ctranslate2"), ("translation", "av"), ("stt", "fastapi")])
def test_an_image_does_not_contain_packages_of_other_services(extra: str, heavy: str) -> None:
    assert heavy in absent(extra)


def test_a_package_that_is_missing_from_an_extra_is_detected() -> None:
    assert "not in this image" in imported("translation", MODULES["gateway"])


@pytest.fixture(scope="module")
def composed() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((INFRA / "compose.yaml").read_text(encoding="utf-8"))
    return content


def test_containers_have_no_unneeded_privileges(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"privileged", "cap_add", "network_mode"} & set(service), name
        assert all(port.startswith(("127.0.0.1:", "${NOVA_LISTEN:-127.0.0.1:")) for port in service.get("ports", ())), (
            name
        )


def test_redis_and_workers_cannot_reach_the_internet(composed: dict[str, Any]) -> None:
    assert composed["networks"]["back"] == {"internal": True}
    for name in ("redis", *OURS[1:-1]):
        assert composed["services"][name]["networks"] == ["back"], name


def test_a_container_starts_after_its_dependencies_are_healthy(composed: dict[str, Any]) -> None:
    for name, service in composed["services"].items():
        for other, how in service.get("depends_on", {}).items():
            ends = other == "models"
            assert how["condition"] == ("service_completed_successfully" if ends else "service_healthy"), (name, other)
            assert ends or "test" in composed["services"][other]["healthcheck"], other


def test_up_alone_pulls_no_image_of_ours(composed: dict[str, Any]) -> None:
    ours = {name: one for name, one in composed["services"].items() if one["image"].startswith("nova-voice/")}
    assert set(ours) == set(OURS)
    assert all("build" in one for one in ours.values())
    builds = {(one["image"], str(one["build"])) for one in ours.values()}
    assert len(builds) == len({image for image, _ in builds}), "an image has two builds"


def test_the_system_starts_in_the_repository_without_the_name_of_a_file(composed: dict[str, Any]) -> None:
    command = [tool("docker-compose"), "config", "--format", "json"]
    done = subprocess.run(command, cwd=INFRA.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    resolved = json.loads(done.stdout)
    assert resolved["name"] == composed["name"]
    always = {name for name, one in composed["services"].items() if "profiles" not in one}
    assert resolved["services"].keys() == always
    proxied = [mount["source"] for mount in resolved["services"]["proxy"]["volumes"]]
    assert all(Path(source).is_file() for source in proxied), "paths are those of the included file"


def test_every_image_of_ours_is_a_target_of_the_containerfile(composed: dict[str, Any]) -> None:
    targets = re.findall(r"^FROM \S+ AS (\S+)$", (INFRA / "Containerfile").read_text(encoding="utf-8"), re.MULTILINE)
    built = {name: service["build"] for name, service in composed["services"].items() if "build" in service}
    assert set(built) == set(OURS)
    for name, build in built.items():
        assert build["target"] in targets, name
        assert (INFRA / build["context"] / build["dockerfile"]).samefile(INFRA / "Containerfile")


def test_the_guides_name_every_variable_of_the_compose_file() -> None:
    variables = set(re.findall(r"(?<!\$)\$\{(\w+)", (INFRA / "compose.yaml").read_text(encoding="utf-8")))
    howto = INFRA.parent / "docs" / "howto"
    told = "".join((howto / f"deploy-with-{what}.md").read_text(encoding="utf-8") for what in ("compose", "gpus"))
    assert {name for name in variables if f"`{name}`" not in told and f"{name}=" not in told} == set()


@pytest.mark.parametrize(("right", "wrong"), [("", ""), ("proxy_buffering", "proxy_bufering")])
def test_nginx_accepts_the_configuration_of_the_proxy_and_finds_an_error_in_it(
    tmp_path: Path, right: str, wrong: str
) -> None:
    gateway = (INFRA / "proxy" / "gateway.conf").read_text(encoding="utf-8")
    (tmp_path / "gateway.conf").write_text(gateway.replace(right, wrong) if right else gateway)
    server = (INFRA / "proxy" / "nova-voice.conf.template").read_text(encoding="utf-8")
    for name, value in (
        ("${NGINX_LOCAL_RESOLVERS}", "127.0.0.11"),
        ("${PROXY_CLIENT_CONNECTIONS}", "100"),
        ("/etc/nginx/gateway.conf", f"{tmp_path}/gateway.conf"),
        ("/dev/stdout", f"{tmp_path}/log"),
    ):
        assert name in server
        server = server.replace(name, value)
    (tmp_path / "server.conf").write_text(server)
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ include server.conf; }}")
    command = [tool("nginx"), "-t", "-q", "-e", f"{tmp_path}/error", "-c", f"{tmp_path}/nginx.conf"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bool(done.returncode) is bool(wrong)
    assert wrong in done.stderr


def test_the_proxy_accepts_large_bodies_on_all_routes_of_recordings() -> None:
    template = (INFRA / "proxy" / "nova-voice.conf.template").read_text()
    (location,) = re.findall(r"location ~ (\S+) \{\s+client_max_body_size 1025m;", template)
    recordings = [path.decode() for path in UPLOAD_PATHS if not path.startswith(b"/v1/realtime/")]
    assert len(recordings) == 5
    assert all(re.search(location, path) for path in recordings)
