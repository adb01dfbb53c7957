"""Checks of the files in infra/ by the programs that read them. Each check takes a folder with the layout of infra/.

Each check returns the complaints of its program, or "".
"""

import json
import os
import shutil
import subprocess
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import yaml

from tests.paths import ROOT

# The oldest supported release. It is the first one that enables the `sleep` action of `preStop` by default.
KUBERNETES = "1.30"
# Maximum exposure that `systemd-analyze security` may report, of 100. It prints 15 as 1.5.
EXPOSURE = 15
# Folders of programs that are not on PATH: Compose, nginx, and programs that pip installed.
ELSEWHERE = ("/usr/libexec/docker/cli-plugins", "/usr/sbin", sysconfig.get_path("scripts"))


def tool(name: str) -> str:
    """Return the path of a program. If it is missing, the test is skipped, or fails in CI."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *ELSEWHERE)))
    return found or missing(f"{name} is not installed; .ci/run installs its package")


def missing(said: str) -> NoReturn:
    """Skip the test, or fail it in CI."""
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


def _run(*command: str | Path, given: str = "") -> tuple[int, str]:
    """Return the exit status and the output."""
    done = subprocess.run(
        [str(part) for part in command],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    return done.returncode, done.stdout


def _unless_content(status: int, said: str) -> str:
    return "" if status == 0 else said or f"exit status {status}"


def objects(overlay: Path) -> list[dict[str, Any]]:
    """Build an overlay with kustomize. Raises ValueError."""
    status, said = _run(tool("kustomize"), "build", overlay)
    if status:
        raise ValueError(said)
    return [item for item in yaml.load_all(said, yaml.CSafeLoader) if item]


def _overlays(infra: Path, judge: Callable[[list[dict[str, Any]], list[dict[str, Any]]], str]) -> str:
    """Call `judge` with the objects of each overlay, those of KEDA and all others. Return the first complaint."""
    for overlay in sorted((infra / "kubernetes" / "overlays").iterdir()):
        try:
            made = objects(overlay)
        except ValueError as error:
            return str(error)
        scaled = [item for item in made if item["apiVersion"].startswith("keda.sh/")]
        if said := judge(scaled, [item for item in made if item not in scaled]):
            return said
    return ""


def kubernetes(infra: Path) -> str:
    """Run kustomize build, and kubernetes-validate --strict on all objects except those of KEDA."""
    program = tool("kubernetes-validate")

    def judge(_: list[dict[str, Any]], others: list[dict[str, Any]]) -> str:
        given = yaml.dump_all(others, Dumper=yaml.CSafeDumper)
        # The output is checked, not the exit status, because an unknown kind is only a warning.
        return _run(program, "--strict", "--quiet", "-k", KUBERNETES, "-", given=given)[1]

    return _overlays(infra, judge)


def keda(infra: Path) -> str:
    """Validate with KEDA's schema."""
    if not (ROOT / "frontend" / "node_modules" / "@kubernetes-models" / "keda").is_dir():
        missing("KEDA's schema is not installed: cd frontend && npm ci")
    command = (tool("node"), Path(__file__).parent / "keda.mjs")
    return _overlays(infra, lambda scaled, _: _run(*command, given=json.dumps(scaled))[1])


def compose(infra: Path) -> str:
    """Run docker compose config with all profiles."""
    said = []
    for file in sorted(infra.glob("compose*.y*ml")):
        first = ("--file", infra / "compose.yaml") if file.name != "compose.yaml" else ()
        command = (tool("docker-compose"), *first, "--file", file, "--profile", "*", "config", "--quiet")
        said.append(_unless_content(*_run(*command)))
    return "".join(said)


def containerfiles(infra: Path) -> str:
    """Run hadolint. Notes on style are ignored."""
    files = sorted(infra.glob("**/Containerfile*"))
    return _unless_content(*_run(tool("hadolint"), "--no-color", "--failure-threshold", "warning", *files))


def certificate(home: Path) -> Path:
    """Create a self-signed certificate for localhost, where nova-voice.conf expects it if nginx.conf is in `home`."""
    (home / "nova-voice").mkdir()
    made, key = home / "nova-voice" / "fullchain.pem", home / "nova-voice" / "privkey.pem"
    request = ("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    status, said = _run(tool("openssl"), *request, *names, "-keyout", key, "-out", made)
    assert status == 0, said
    return made


def nginx(infra: Path) -> str:
    """Run nginx -t with a new certificate."""
    program = tool("nginx")
    if os.geteuid():
        pytest.skip("nginx -t opens the ports, and only root may open 443")
    home = infra.parent
    certificate(home)
    (home / "nginx.conf").write_text(f"events {{}}\nhttp {{ include {infra / 'nginx'}/*.conf; }}\n")
    status, said = _run(program, "-t", "-q", "-c", home / "nginx.conf")
    return _unless_content(status, said) or said  # a warning counts


def systemd(infra: Path) -> str:
    """Run systemd-analyze verify and security. For a misspelt line, `verify` prints a warning and exits with 0."""
    analyze, root = tool("systemd-analyze"), infra.parent / "root"
    units = root / "etc" / "systemd" / "system"
    shutil.copytree(infra / "systemd", units)
    for drop_in_of in ("nova-stt@", "nova-translation"):
        shutil.copytree(infra / "systemd" / "gpu", units / f"{drop_in_of}.service.d")
    for program in ("opt/nova-voice/.venv/bin/python", "usr/bin/redis-server"):
        (root / program).parent.mkdir(parents=True, exist_ok=True)
        (root / program).write_text("#!/bin/sh\n")
        (root / program).chmod(0o755)
    for target in ("sysinit", "basic", "shutdown", "network", "network-online", "multi-user"):
        (units / f"{target}.target").write_text("[Unit]\nDescription=placeholder\n")
    names = [unit.name for unit in sorted((infra / "systemd").glob("nova*.*"))]
    instances = [name.replace("gateway@", "gateway@8080").replace("stt@", "stt@0") for name in names]
    said = _run(analyze, "verify", f"--root={root}", *instances)[1]
    services = [infra / "systemd" / name for name in names if name.endswith(".service")]
    for service in services:
        command = (analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", service)
        said += _unless_content(*_run(*command))
    return said
