"""A real nginx with the configuration for a host, in front of two real gateways."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
import pytest
import yaml
from websockets.asyncio.client import connect

from backend.local.processes import Service, free_port, wait_for
from backend.local.system import System, running
from backend.messages.protocol import Error, Final
from gateway.settings import GatewaySettings
from tests.infra.tools import certificate, tool
from tests.paths import INFRA
from tests.testkit.audio.clips import Clip, shortest_clip
from tests.testkit.cli import silent
from tests.testkit.session import RATE, speak
from tests.testkit.system.plans import system_plan

# A path of each protocol with WebSockets.
SOCKETS = (
    "/v1/stream",
    "/v1/listen?encoding=linear16&sample_rate=16000",
    "/v1/realtime?intent=transcription",
    "/v2/listen?model=flux-general-en&encoding=linear16&sample_rate=16000",
    "/transcribe-websocket",
)


@dataclass(frozen=True, slots=True)
class Host:
    """A machine that is set up as in docs/howto/deploy-on-one-host.md."""

    system: System
    plain: str
    """http://localhost:PORT, in place of port 80."""
    secure: str
    """https://localhost:PORT, in place of port 443."""
    trust: ssl.SSLContext


@pytest.fixture
async def host(tmp_path: Path, artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Host]:
    program, issued = tool("nginx"), certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(issued))
    plan = system_plan(artifacts / "logs", gateways=2, environment={"GATEWAY_AUTH": "none", "GATEWAY_DRAIN_S": "3"})
    async with running(plan, silent) as system, asyncio.TaskGroup() as tasks:
        plain, secure = free_port(), free_port()
        first, second = (url.rpartition(":")[2] for url in system.urls)
        text = (INFRA / "nginx" / "nova-voice.conf").read_text(encoding="utf-8")
        for port, own in (("80;", f"{plain};"), ("443 ", f"{secure} ")):
            text = text.replace(f"listen {port}", f"listen {own}").replace(f"listen [::]:{port}", f"listen [::]:{own}")
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{first}").replace("127.0.0.1:8081", f"127.0.0.1:{second}")
        text = text.replace("/var/log/nginx", str(tmp_path))
        (tmp_path / "nova-voice.conf").write_text(text)
        (tmp_path / "nginx.conf").write_text(
            f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{}} http {{ include nova-voice.conf; }}"
        )
        command = (program, "-c", str(tmp_path / "nginx.conf"))
        nginx = Service("nginx", command, {}, artifacts / "logs" / "nginx.log", 0.5)
        tasks.create_task(nginx.keep_running())
        trust = ssl.create_default_context(cafile=issued)
        up = Host(system, f"http://localhost:{plain}", f"https://localhost:{secure}", trust)
        try:
            await wait_for(lambda: _answers(up), "nginx does not answer", 10.0, 0.1)
            yield up
        finally:
            await nginx.stop()


async def _get(host: Host, path: str, base: str = "", **headers: str) -> int:
    async with httpx.AsyncClient(verify=host.trust) as client:
        return (await client.get(f"{base or host.secure}{path}", headers=headers)).status_code


async def _answers(host: Host) -> bool:
    try:
        return await _get(host, "/health") == 200
    except httpx.TransportError:
        return False


async def _opens(host: Host, path: str) -> None:
    """Open a WebSocket and close it."""
    url = f"{host.secure}{path}".replace("https", "wss", 1)
    async with connect(url, ssl=host.trust, open_timeout=20) as socket:
        assert socket.response is not None
        assert socket.response.status_code == 101


async def test_sessions_survive_the_end_of_their_gateway_and_internal_paths_are_blocked(
    host: Host, speech_clips: list[Clip]
) -> None:
    clip = shortest_clip(speech_clips, 2.5)
    pcm = np.concatenate([np.zeros(RATE, np.int16), clip.pcm()[: 3 * RATE], np.zeros(RATE, np.int16)] * 2)

    async def end_the_first() -> None:
        await asyncio.sleep(1.5)
        first = host.system.named("gateway-1")
        first.stopping = True
        assert first.process is not None
        first.process.terminate()
        assert await first.process.wait() == 0

    # Two sessions: with least_conn, one of them is on the gateway that ends.
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(end_the_first())
        speaking = [
            tasks.create_task(speak(host.secure, pcm, speed=2.0, silence_s=1.0, language="en")) for _ in range(2)
        ]
    said = [task.result() for task in speaking]
    assert sum(one.reconnects for one in said) >= 1
    for one in said:
        finals = one.received(Final)
        assert one.received(Error) == []
        assert len(finals) >= 2
        assert [final.utterance for final in finals] == list(range(1, len(finals) + 1))

    for path in SOCKETS:
        await _opens(host, path)
    async with httpx.AsyncClient(verify=host.trust) as client:
        for path in ("/v1/listen", "/v1/audio/transcriptions", "/v1/recordings"):
            # More than nginx accepts elsewhere. The gateway says that it is no recording.
            answer = await client.post(f"{host.secure}{path}", content=bytes(3 << 20))
            assert (answer.status_code, answer.headers["content-type"]) in (
                (400, "application/json"),
                (415, "application/json"),
            )
        assert (await client.post(f"{host.secure}/v1/models", content=bytes(3 << 20))).status_code == 413
    assert await _get(host, "/metrics") == 404
    assert await _get(host, "/health/full") == 404
    assert await _get(host, "/health", host.plain) == 308
    assert await _get(host, "/health", **{"x-swollen": "x" * 10_000}) == 400


def test_the_ingress_forwards_every_protocol_and_uploads_but_no_operator_endpoints() -> None:
    ingress = yaml.safe_load((INFRA / "kubernetes" / "base" / "ingress.yaml").read_text(encoding="utf-8"))
    (rule,) = ingress["spec"]["rules"]
    paths = [(entry["path"], entry["pathType"]) for entry in rule["http"]["paths"]]

    def forwards(url: str) -> bool:
        path = url.partition("?")[0]
        return any(path == known or (kind == "Prefix" and path.startswith(f"{known}/")) for known, kind in paths)

    assert [path for path in (*SOCKETS, "/v1/audio/transcriptions", "/v1/recordings") if not forwards(path)] == []
    assert not forwards("/metrics")
    assert not forwards("/health/full")
    size = ingress["metadata"]["annotations"]["nginx.ingress.kubernetes.io/proxy-body-size"]
    assert int(size.removesuffix("m")) << 20 > GatewaySettings().max_upload_bytes
