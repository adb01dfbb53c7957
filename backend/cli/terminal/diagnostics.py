"""What `nova doctor` looks at: each check says what it found and, where something is amiss, what to do.

None raises, and none takes longer than a slow machine needs to load the libraries. What could hang or crash, a
driver or a native library, is asked in a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import requires
from pathlib import Path
from typing import Any

import httpx
from rich.filesize import decimal

from backend import models
from backend.errors import ModelError, SetupError
from backend.local.processes import redis_binary
from backend.streams.redis.clients import client
from backend.streams.redis.connection import REDIS_ERRORS

OLDEST_PYTHON, TOO_NEW_PYTHON = (3, 11), (3, 14)
OLDEST_NODE = 20
ASK_TIMEOUT_S = 60.0
NETWORK_TIMEOUT_S = 3.0
CUBLAS = "libcublas.so.12"
"""What CTranslate2 loads; a driver does not bring it, nor does CUDA 13."""
PAGE = Path(__file__).parents[2] / "frontend" / "dist"
_MODULES = {"pyjwt": "jwt", "webrtcvad-wheels": "webrtcvad"}
"""Modules that are not called as their package is."""
_OF_SERVICES = re.compile(r"extra == .(service|cli|gateway|stt|translation).")
"""What else than every process's packages one machine needs that runs all services."""


@dataclass(frozen=True, slots=True)
class Check:
    """A finding."""

    name: str
    ok: bool | None
    """None: not here, and not needed."""
    found: str
    advice: str = ""
    essential: bool = False
    """Whether nothing works without it."""


def examine(host: str, port: int) -> list[Check]:
    """Every check, in the order in which a person would go through them."""
    checks: tuple[Callable[[], Check], ...] = (
        python,
        packages,
        redis,
        gpu,
        speech_model,
        translation_model,
        hub,
        disk,
        node,
        page,
        microphone,
        lambda: listening(host, port),
        lambda: server(host, port),
    )
    with ThreadPoolExecutor(4) as threads:
        return [answer.result() for answer in [threads.submit(check) for check in checks]]


def python() -> Check:
    """The interpreter's version."""
    found = ".".join(map(str, sys.version_info[:3]))
    ok = OLDEST_PYTHON <= sys.version_info < TOO_NEW_PYTHON
    return Check("Python", ok, found, "" if ok else "install Python 3.11, 3.12 or 3.13", essential=True)


def packages() -> Check:
    """Whether every package that we need can be imported, and its version."""
    needed = [line.partition(";") for line in requires("nova-voice") or ()]
    lines = [line for line, _, marker in needed if not marker or _OF_SERVICES.fullmatch(marker.strip())]
    names = sorted({re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in lines} - {"nova-voice"})
    modules = {name: _MODULES.get(name, name.replace("-", "_")) for name in names}
    ok, said = _ask(f"""
import importlib, importlib.metadata, sys
versions, broken = [], []
for name, module in {modules!r}.items():
    try:
        importlib.import_module(module)
        versions.append(name + " " + importlib.metadata.version(name))
    except Exception as error:
        broken.append(f"{{name}}: {{error}}")
sys.exit("; ".join(broken)) if broken else print(", ".join(versions))
""")
    advice = "" if ok else "install them anew: pip install --force-reinstall nova-voice"
    return Check("packages", ok, said, advice, essential=True)


def redis() -> Check:
    """A Redis of yours, or a program to start a private one."""
    if url := os.environ.get("REDIS_URL"):
        where = url.rpartition("@")[2].removeprefix("redis://")
        try:
            version = asyncio.run(_version(url))
        except (*REDIS_ERRORS, SetupError) as error:
            said = f"{where}: {error or 'no answer'}"
            return Check("Redis", False, said, "start it, or correct REDIS_URL", essential=True)
        return Check("Redis", True, f"{version} at {where}", essential=True)
    try:
        binary = redis_binary()
    except SetupError as error:
        return Check("Redis", False, "none", error.message, essential=True)
    ok, said = _run(binary, "--version")
    advice = "" if ok else "install valkey-server or redis-server 7 or later"
    return Check("Redis", ok, f"{said} ({binary})", advice, essential=True)


async def _version(url: str) -> str:
    redis = client(url)
    try:
        async with asyncio.timeout(NETWORK_TIMEOUT_S):
            return str((await redis.info("server"))["redis_version"])
    finally:
        await redis.aclose()


def gpu() -> Check:
    """The graphics card, and whether the engine sees it."""
    if shutil.which("nvidia-smi") is None:
        return Check("GPU", None, "no NVIDIA GPU; the models run on the CPU")
    ok, cards = _run("nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader")
    if not ok:
        return Check("GPU", False, f"nvidia-smi: {cards}", "install the NVIDIA driver anew, or set STT_DEVICE=cpu")
    ok, count = _ask("import ctranslate2; print(ctranslate2.get_cuda_device_count())")
    if ok and count != "0":
        if sys.platform == "linux" and not _ask(f"import ctypes; ctypes.CDLL({CUBLAS!r})")[0]:
            advice = "pip install nvidia-cublas-cu12, and add its folder nvidia/cublas/lib to LD_LIBRARY_PATH"
            return Check("GPU", False, f"{cards}; no {CUBLAS}, so the models run on the CPU", advice)
        return Check("GPU", True, f"{cards} ({count} usable)")
    said = "CTranslate2 finds no CUDA device" if ok else count
    return Check("GPU", False, f"{cards}; {said}", "install a driver for CUDA 12 or later, or set STT_DEVICE=cpu")


def speech_model() -> Check:
    """Whether there is a model to recognize speech with."""
    wanted = os.environ.get("STT_MODEL", "auto")
    if wanted != "auto":
        try:
            return Check("speech model", True, str(models.resolve(wanted)), essential=True)
        except ModelError as error:
            return Check("speech model", False, wanted, error.message, essential=True)
    if here := _installed("whisper"):
        return Check("speech model", True, here, essential=True)
    return Check("speech model", None, "none yet; `nova up` fetches one", essential=True)


def translation_model() -> Check:
    """Whether there is a model to translate with."""
    here = os.environ.get("TRANSLATION_MODELS", "auto").replace("auto", "") or _installed("nllb", "opus")
    if here:
        return Check("translation model", True, here)
    return Check("translation model", None, "none yet; `nova up` fetches one")


def hub() -> Check:
    """Whether models can be downloaded."""
    endpoint = models.ModelStore.from_environment().hub.endpoint
    try:
        httpx.head(endpoint, timeout=NETWORK_TIMEOUT_S, follow_redirects=True).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        advice = "needed to fetch models only; HF_ENDPOINT names a mirror, NOVA_MODELS_DIR a directory of your own"
        return Check("model hub", False, f"{endpoint}: {error or 'no answer'}", advice)
    return Check("model hub", True, endpoint)


def disk() -> Check:
    """Room for the models that are not here yet."""
    cache = models.ModelStore.from_environment().cache
    place = next(directory for directory in (cache, *cache.absolute().parents) if directory.is_dir())
    device = "cuda" if shutil.which("nvidia-smi") else "cpu"
    here = {found.name for found in models.installed()}
    wanted = (models.find(models.auto(kind, device)) for kind in ("whisper", "nllb"))
    need = sum(model.size for model in wanted if model and model.name not in here)
    free = shutil.disk_usage(place).free
    advice = "" if free > need else f"the models need {decimal(need)}: NOVA_CACHE_DIR names another place"
    return Check("disk", free > need, f"{decimal(free)} free in {place}", advice)


def node() -> Check:
    """Node.js, which builds the page."""
    if shutil.which("node") is None:
        return Check("Node.js", None, "none; needed to build the page only", f"install Node.js {OLDEST_NODE} or later")
    ok, version = _run("node", "--version")
    major = re.match(r"v(\d+)", version)
    new_enough = ok and major is not None and int(major[1]) >= OLDEST_NODE
    return Check("Node.js", new_enough, version, "" if new_enough else f"install Node.js {OLDEST_NODE} or later")


def page() -> Check:
    """Whether the page that the gateway serves has been built."""
    place = Path(os.environ.get("GATEWAY_PAGE_DIR") or PAGE)
    if (place / "index.html").is_file():
        return Check("page", True, str(place))
    return Check("page", None, "not built; everything else works", "`make page` builds it")


def microphone() -> Check:
    """Whether `nova mic` can hear; a browser has a microphone of its own."""
    ok, said = _ask("""
import sys
from backend.cli.terminal.microphone import device
from backend.errors import SetupError
try:
    print(device())
except SetupError as error:
    sys.exit(error.message)
""")
    found, _, advice = (said, "", "") if ok else said.partition(": ")
    return Check("microphone", ok or None, found, advice)


def listening(host: str, port: int) -> Check:
    """Whether a gateway can listen, or one listens already."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if _health(host, port, "/health") is not None:
                return Check("port", True, f"{port} is used by the Nova Voice that runs", essential=True)
            reason = error.strerror or str(error)
            return Check("port", False, f"{host}:{port}: {reason}", "choose another with --port", essential=True)
    return Check("port", True, f"{port} is free", essential=True)


def server(host: str, port: int) -> Check:
    """How the server is that runs, if one does."""
    health = _health(host, port, "/health/full")
    if health is None:
        return Check("server", None, "none runs; `nova up` starts one")
    workers = ", ".join(_worker(worker) for worker in health["workers"])
    if health["status"] == "healthy":
        return Check("server", True, workers)
    return Check("server", False, f"{health['status']}; {workers or 'no workers'}", "; ".join(health["reasons"]))


def _worker(worker: Mapping[str, object]) -> str:
    """A process by its heartbeat; a gateway has no model."""
    model = f": {worker['model']} on {worker.get('device')}" if "model" in worker else ""
    return f"{worker.get('kind')}{model}"


def _health(host: str, port: int, path: str) -> dict[str, Any] | None:
    """What a gateway says of itself; None where none answers."""
    where = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    try:
        answer = httpx.get(f"http://{where}:{port}{path}", timeout=NETWORK_TIMEOUT_S).json()
    except (httpx.HTTPError, ValueError):
        return None
    return answer if isinstance(answer, dict) and "status" in answer and "version" in answer else None


def _installed(*kinds: models.ModelKind) -> str:
    return ", ".join(found.name for found in models.installed() if found.kind in kinds)


def _ask(code: str) -> tuple[bool, str]:
    """Whether a piece of Python ended well in a process of its own, and what it said."""
    return _run(sys.executable, "-c", code)


def _run(*command: str) -> tuple[bool, str]:
    """Whether a program ended well, and its output; its last word of complaint where it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=ASK_TIMEOUT_S, errors="replace")
    except subprocess.TimeoutExpired:
        return False, f"no answer within {ASK_TIMEOUT_S:g} s"
    except OSError as error:
        return False, error.strerror or str(error)
    if done.returncode == 0:
        return True, "; ".join(done.stdout.strip().splitlines())
    complaint = (done.stderr or done.stdout).strip().splitlines()
    return False, complaint[-1] if complaint else f"it ended with {done.returncode}"
