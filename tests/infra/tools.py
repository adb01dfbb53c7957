"""The programs that judge what lies in infra/, each run on a folder as it would be on infra/ itself.

Each returns what the program complains of, "" when it is content.
"""

from __future__ import annotations

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

KUBERNETES = "1.30"
"""The oldest release that is served: `sleep` before SIGTERM is known to it by default."""
EXPOSURE = 15
"""Most that `systemd-analyze security` may count against a service, of 100; it prints tenths: 1.5."""
ELSEWHERE = ("/usr/libexec/docker/cli-plugins", "/usr/sbin", sysconfig.get_path("scripts"))
"""Where programs lie beside PATH: Compose, nginx, and what pip installed."""


def tool(name: str) -> str:
    """Its path. Where it is missing, the test is skipped, and fails in CI."""
    found = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *ELSEWHERE)))
    return found or missing(f"{name} is not installed; .ci/run says from which package it comes")


def missing(said: str) -> NoReturn:
    """Skip the test, and in CI fail it."""
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)


def _run(*command: str | Path, given: str = "") -> tuple[int, str]:
    """How it ended, and all that it said."""
    done = subprocess.run(
        [str(part) for part in command],
        input=given,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout


def _unless_content(status: int, said: str) -> str:
    return "" if status == 0 else said or f"ended with {status}"


def objects(overlay: Path) -> list[dict[str, Any]]:
    """What kustomize makes of an overlay. Raises ValueError when it can make nothing of it."""
    status, said = _run(tool("kustomize"), "build", overlay)
    if status:
        raise ValueError(said)
    return [item for item in yaml.load_all(said, yaml.CSafeLoader) if item]


def _overlays(infra: Path, judge: Callable[[list[dict[str, Any]], list[dict[str, Any]]], str]) -> str:
    """What `judge` says first of an overlay's objects: those of KEDA's kinds, and all others."""
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
    """kustomize build, and kubernetes-validate --strict on everything but KEDA's own kinds."""
    program = tool("kubernetes-validate")

    def judge(_: list[dict[str, Any]], others: list[dict[str, Any]]) -> str:
        given = yaml.dump_all(others, Dumper=yaml.CSafeDumper)
        # What it says and not how it ends: a kind that it does not know is but a warning to it.
        return _run(program, "--strict", "--quiet", "-k", KUBERNETES, "-", given=given)[1]

    return _overlays(infra, judge)


def keda(infra: Path) -> str:
    """KEDA's schema."""
    if not (ROOT / "frontend" / "node_modules" / "@kubernetes-models" / "keda").is_dir():
        missing("KEDA's schema is not installed: cd frontend && npm ci")
    command = (tool("node"), Path(__file__).parent / "keda.mjs")
    return _overlays(infra, lambda scaled, _: _run(*command, given=json.dumps(scaled))[1])


def compose(infra: Path) -> str:
    """docker compose config, with all profiles."""
    said = []
    for file in sorted(infra.glob("compose*.y*ml")):
        first = ("--file", infra / "compose.yaml") if file.name != "compose.yaml" else ()
        command = (tool("docker-compose"), *first, "--file", file, "--profile", "*", "config", "--quiet")
        said.append(_unless_content(*_run(*command)))
    return "".join(said)


def containerfiles(infra: Path) -> str:
    """hadolint; notes on style do not count."""
    files = sorted(infra.glob("**/Containerfile*"))
    return _unless_content(*_run(tool("hadolint"), "--no-color", "--failure-threshold", "warning", *files))


def certificate(home: Path) -> Path:
    """Makes one, where nova-voice.conf looks for it when nginx.conf lies in `home`; for localhost, by itself."""
    (home / "nova-voice").mkdir()
    made, key = home / "nova-voice" / "fullchain.pem", home / "nova-voice" / "privkey.pem"
    status, said = _run(
        tool("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        key,
        "-out",
        made,
    )
    assert status == 0, said
    return made


def nginx(infra: Path) -> str:
    """nginx -t, with a certificate made for it."""
    program = tool("nginx")
    if os.geteuid():
        pytest.skip("nginx -t opens the ports, and 443 is root's")
    home = infra.parent
    certificate(home)
    (home / "nginx.conf").write_text(f"events {{}}\nhttp {{ include {infra / 'nginx'}/*.conf; }}\n")
    status, said = _run(program, "-t", "-q", "-c", home / "nginx.conf")
    return _unless_content(status, said) or said  # a warning counts


def systemd(infra: Path) -> str:
    """systemd-analyze verify and security. The first says of a misspelt line that it ignores it, and ends with 0."""
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
        (units / f"{target}.target").write_text("[Unit]\nDescription=a stand-in\n")
    names = [unit.name for unit in sorted((infra / "systemd").glob("nova*.*"))]
    instances = [name.replace("gateway@", "gateway@8080").replace("stt@", "stt@0") for name in names]
    said = _run(analyze, "verify", f"--root={root}", *instances)[1]
    services = [infra / "systemd" / name for name in names if name.endswith(".service")]
    for service in services:
        command = (analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", service)
        said += _unless_content(*_run(*command))
    return said
