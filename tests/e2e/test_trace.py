"""An utterance has one trace with spans of three processes, and its log lines have the client's correlation id."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from websockets.asyncio.client import connect

from backend.local.discovery import stream_url
from backend.local.system import Plan, System, running
from backend.messages.protocol import Final, Start, Stop, Translation, parse_server, to_json
from tests.testkit.audio.clips import Clip
from tests.testkit.cli import silent
from tests.testkit.servers.otlp_collector import Collector, Received, collecting
from tests.testkit.session import FRAME, RATE
from tests.testkit.system.plans import NO_LOAD_LIMIT

# The trace of the client.
CLIENT = "4bf92f3577b34da6a3ce929d0e0e4736"
HEADERS = {"traceparent": f"00-{CLIENT}-00f067aa0ba902b7-01"}
NAME = "ticket-42"
STAGES = {
    "gateway": {"utterance", "receive", "endpoint", "deliver"},
    "stt_worker": {"queue", "features", "encode", "decode", "publish"},
    "translation_worker": {"queue", "translate", "publish"},
}


async def spoken_to(system: System, clip: Clip) -> list[Final | Translation]:
    """Final results of two seconds of speech and some silence, sent in real time."""
    pcm = np.concatenate([clip.pcm()[: 2 * RATE], np.zeros(RATE * 3 // 2, np.int16)])
    async with connect(stream_url(system.urls[0]), additional_headers=HEADERS, compression=None) as socket:
        await socket.send(to_json(Start(language="zh", translate_to=("en",), correlation_id=NAME)))
        for at in range(0, len(pcm), FRAME):
            await socket.send(pcm[at : at + FRAME].tobytes())
            await asyncio.sleep(FRAME / RATE)
        await socket.send(to_json(Stop()))
        events = [parse_server(frame) async for frame in socket]
    return [e for e in events if isinstance(e, Final) or (isinstance(e, Translation) and e.is_final)]


def log_lines(logs: Path, service: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (logs / f"{service}-1.log").read_text(encoding="utf-8").splitlines()]


def tree(spans: list[Received]) -> str:
    """One line per span: service, name, start and duration in milliseconds."""
    first = min(span.start for span in spans)
    return "\n".join(
        f"{one.service:18} {one.name:10} {1000 * (one.start - first):7.0f} {1000 * (one.end - one.start):7.1f}"
        for one in sorted(spans, key=lambda span: (span.start, -span.end))
    )


@pytest.mark.slow
async def test_an_utterance_is_one_trace_in_three_processes(
    whisper_tiny: Path, opus_zh_en: Path, speech_clips: list[Clip], tmp_path: Path
) -> None:
    clip = next((clip for clip in speech_clips if clip.language == "zh"), speech_clips[0])
    with collecting() as collector:
        environment = {**NO_LOAD_LIMIT, "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}
        plan = Plan(
            stt_model=str(whisper_tiny),
            translation_models=str(opus_zh_en),
            port=0,
            logs=tmp_path,
            environment=environment,
        )
        async with running(plan, silent) as system:
            events = await spoken_to(system, clip)
        # The services have stopped and sent all spans.
    final, translation = events
    assert isinstance(final, Final)
    assert isinstance(translation, Translation)
    assert final.text
    assert translation.text
    check_spans(collector)
    check_lines(tmp_path)


def check_spans(collector: Collector) -> None:
    (root,) = collector.named("utterance")
    trace = [span for span in collector.spans if span.trace == root.trace]
    print(tree(trace))
    for service, names in STAGES.items():
        assert {span.name for span in trace if span.service == service} == names, service
    assert {span.parent for span in trace if span is not root} == {root.id}
    assert root.parent == ""
    # The only other span is the session, in the trace of its client. The utterance links to it.
    (session,) = [span for span in collector.spans if span.trace != root.trace]
    assert (session.name, session.trace, session.about["nova.correlation_id"]) == ("session", CLIENT, NAME)
    assert session.about["nova.protocol"] == "native"
    assert root.links == (CLIENT,)
    assert root.about["nova.utterance"] == 1
    # The stages follow each other: receive, wait for the endpoint, queue, decode, publish, deliver.
    (received,), (endpoint,) = collector.named("receive"), collector.named("endpoint")
    queue, encode, decode = collector.named("queue"), collector.named("encode"), collector.named("decode")
    delivered = collector.named("deliver")
    assert received.end == endpoint.start
    assert endpoint.end - endpoint.start > 0.3
    assert received.end - received.start > 1.0
    assert queue[0].end <= encode[0].start <= encode[0].end <= decode[0].start
    assert [span.about["nova.event"] for span in delivered] == ["final", "translation"]
    assert decode[0].end <= delivered[0].end <= delivered[1].end
    assert all(span.end >= span.start for span in trace)


def check_lines(logs: Path) -> None:
    """All log lines about the session, in all services, have its correlation id."""
    lines = {service: log_lines(logs, service) for service in STAGES}
    about = {service: [line for line in said if "session" in line] for service, said in lines.items()}
    assert all(said and all(line["correlation_id"] == NAME for line in said) for said in about.values())
    assert all(line["service"] == service for service, said in lines.items() for line in said)
    handled = {service: [line for line in said if line["message"] == "handled"] for service, said in about.items()}
    for service in ("stt_worker", "translation_worker"):
        line = handled[service][-1]
        assert set(line) >= {"timestamp", "level", "duration_ms", "waited_ms", "batch", "model", "gpu_device"}
        assert line["utterance"] == 1
    assert {line["message"] for line in about["gateway"]} >= {
        "session_held",
        "final_delivered",
        "session_left",
        "connection_closed",
    }
