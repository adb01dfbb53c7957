"""Recorded spans while tracing is enabled, and no spans while it is disabled."""

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from backend.client.progress import SessionProgress
from backend.messages.jobs import AudioJob, ChannelMessage
from backend.messages.protocol import Final, Ready, Start, Translation
from backend.service import otlp, tracing
from backend.service.otlp import OtlpRecorder
from gateway.connection.observers.traces import REMEMBERED_UTTERANCES, SessionTraces
from gateway.session.actions import Action, CloseUtterance, SubmitFinal, SubmitPreview
from gateway.session.session import Session
from gateway.session.utterance import SessionPolicy
from tests.testkit.streams.jobs import final

CLIENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@dataclass(frozen=True)
class Piece:
    traceparent: str


class Recorded:
    """Tracing that is on, and its spans."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.otlp = OtlpRecorder("test", SimpleSpanProcessor(self._exporter))

    @property
    def spans(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    def named(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.spans if span.name == name]


ANY = Recorded().otlp


@pytest.fixture
def recorded() -> Iterator[Recorded]:
    recorded = Recorded()
    tracing.set_recorder(recorded.otlp)
    yield recorded
    tracing.set_recorder(None)


def identity(span: ReadableSpan) -> str:
    context = span.get_span_context()
    assert context is not None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}"


def parent_of(span: ReadableSpan) -> int:
    return span.parent.span_id if span.parent else 0


# --- the door


def test_nothing_is_recorded_while_tracing_is_off() -> None:
    assert not tracing.is_on()
    assert tracing.new_traceparent(CLIENT) == ""
    assert tracing.stage("encode", [Piece(CLIENT)]) is tracing.stage("decode", [])
    tracing.span("queue", CLIENT, 0.0, 1.0)
    tracing.close()


def test_a_span_has_its_times_parent_and_attributes(recorded: Recorded) -> None:
    tracing.span("queue", CLIENT, 1_000.25, 1_000.5, lane="stt")
    (span,) = recorded.spans
    assert (span.start_time, span.end_time) == (1_000_250_000_000, 1_000_500_000_000)
    assert (identity(span)[3:35], parent_of(span)) == (CLIENT[3:35], int(CLIENT[36:52], 16))
    assert span.attributes == {"nova.lane": "stt"}


def test_a_span_without_parent_and_identity_is_not_recorded(recorded: Recorded) -> None:
    tracing.span("queue", "", 0.0, 1.0)
    with tracing.stage("encode", [Piece(""), Piece("")]):
        pass
    assert recorded.spans == []


@given(st.text(max_size=80) | st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True))
def test_any_string_is_accepted_as_parent(parent: str) -> None:
    ANY.record("queue", parent, 0.0, 1.0, "", "", {})
    assert len(ANY.new_traceparent(parent)) == len(CLIENT)


def test_a_span_recorded_later_has_the_identity_that_its_children_used(recorded: Recorded) -> None:
    root = tracing.new_traceparent()
    tracing.span("receive", root, 1.0, 2.0)
    tracing.span("utterance", "", 1.0, 3.0, identity=root, link=CLIENT)
    child, itself = recorded.spans
    assert root.startswith(identity(itself))
    assert parent_of(itself) == 0
    assert parent_of(child) == int(root[36:52], 16)
    assert [link.context.trace_id for link in itself.links] == [int(CLIENT[3:35], 16)]


def test_identities_are_unique_and_stay_in_the_trace_of_their_parent(recorded: Recorded) -> None:
    minted = {tracing.new_traceparent() for _ in range(100)}
    assert len({one[3:35] for one in minted}) == len({one[36:52] for one in minted}) == 100
    assert tracing.new_traceparent(CLIENT)[:35] == CLIENT[:35]
    assert tracing.new_traceparent(CLIENT)[36:52] != CLIENT[36:52]


def test_a_stage_is_recorded_for_every_entry_of_the_batch_even_if_it_fails(recorded: Recorded) -> None:
    pieces = [Piece(tracing.new_traceparent()), Piece(""), Piece(tracing.new_traceparent())]
    with pytest.raises(ValueError, match="bad"), tracing.stage("encode", pieces, window_s=8.0):
        raise ValueError("bad")
    assert [identity(span)[3:35] for span in recorded.spans] == [
        pieces[0].traceparent[3:35],
        pieces[2].traceparent[3:35],
    ]
    assert all(span.attributes == {"nova.batch": 3, "nova.window_s": 8.0} for span in recorded.spans)


def test_children_of_an_unsampled_span_are_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    recorded = Recorded()
    root = recorded.otlp.new_traceparent("")
    assert root.endswith("-00")
    recorded.otlp.record("utterance", "", 0.0, 1.0, root, "", {})
    recorded.otlp.record("queue", root, 0.0, 1.0, "", "", {})
    assert recorded.spans == []
    recorded.otlp.record("queue", CLIENT, 0.0, 1.0, "", "", {})
    assert len(recorded.spans) == 1


def test_a_process_exits_soon_although_the_collector_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Event()

    class Slow(SpanProcessor):
        def shutdown(self) -> None:
            assert away.wait(60)

    monkeypatch.setattr(otlp, "CLOSE_S", 0.01)
    began = time.monotonic()
    OtlpRecorder("test", Slow()).close()
    away.set()
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_tracing_is_off_unless_the_environment_enables_it(environment: dict[str, str]) -> None:
    with capture_logs() as lines:
        tracing.configure("test", environment)
    assert not tracing.is_on()
    assert lines == []


def test_an_unsupported_export_protocol_is_logged_and_ignored() -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with capture_logs() as lines:
        tracing.configure("test", environment)
    assert [line["event"] for line in lines] == ["tracing_off"]
    assert "http/protobuf" in lines[0]["reason"]
    assert not tracing.is_on()


def test_missing_packages_are_logged_with_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "backend.service.otlp", None)
    with capture_logs() as lines:
        tracing.configure("test", {"OTEL_TRACES_EXPORTER": "otlp"})
    assert "pip install 'nova-voice[tracing]'" in lines[0]["reason"]
    assert not tracing.is_on()


# --- the session, which only carries what it is given


class Stage:
    """A session that is spoken to, its traces, and what it decided."""

    def __init__(self, parent: str = "") -> None:
        self.session = Session("s", "c", SessionPolicy(), tracing.new_traceparent)
        self.session.receive_message(Start(translate_to=("es",)), 0.0)
        self.traces = SessionTraces(self.session, parent, "native")
        self.decided: list[Action] = []

    def hear(self, seconds: float, probability: float) -> None:
        for _ in range(round(seconds / 0.032)):
            actions = self.session.receive_audio(
                np.zeros((1, 512), np.int16), np.array([probability], np.float32), time.time()
            )
            for action in actions:
                self.traces.on_action(action)
            self.decided += actions

    def utterance(self) -> AudioJob:
        before = len(self.decided)
        self.hear(1.5, 0.9)
        self.hear(1.0, 0.0)
        assert any(isinstance(action, CloseUtterance) for action in self.decided[before:])
        return next(action.job for action in self.decided[before:] if isinstance(action, SubmitFinal))


def final_at(at_s: float) -> Final:
    return final(1, translate_to=("es",), cursor=f"{round(1000 * at_s)}-0")


def test_finals_carry_the_trace_of_their_utterance_and_previews_do_not(recorded: Recorded) -> None:
    stage = Stage()
    one, two = stage.utterance(), stage.utterance()
    assert one.traceparent[:35] != two.traceparent[:35]
    assert {action.job.traceparent for action in stage.decided if isinstance(action, SubmitPreview)} == {""}


def test_a_resubmitted_transcript_belongs_to_the_same_trace(recorded: Recorded) -> None:
    stage = Stage()
    job = stage.utterance()
    stage.session.apply_result(ChannelMessage("1-0", final_at(0.001)), 0.0)
    (lost,) = stage.session._pending.lost_jobs(stage.session.record())
    assert lost.transcript.traceparent == job.traceparent  # type: ignore[union-attr]


def test_the_stages_of_an_utterance_are_recorded_as_its_children(recorded: Recorded) -> None:
    stage = Stage(CLIENT)
    job = stage.utterance()
    published = time.time()
    stage.traces.on_event_sent(final_at(published))
    stage.traces.on_event_sent(
        Translation(utterance=1, language="es", text="hola", is_final=True, cursor=f"{round(1000 * published)}-1")
    )
    stage.traces.on_close()
    names = [span.name for span in recorded.spans]
    assert names == ["receive", "endpoint", "deliver", "utterance", "deliver", "session"]
    assert {identity(span)[3:35] for span in recorded.spans[:-1]} == {job.traceparent[3:35]}
    (received,), (endpoint,), (session,) = (recorded.named(name) for name in ("receive", "endpoint", "session"))
    assert received.end_time == endpoint.start_time
    assert received.attributes == {"nova.audio_ms": job.end_ms - job.start_ms}
    assert identity(session)[:35] == CLIENT[:35]


def test_an_utterance_without_a_final_has_exactly_one_trace(recorded: Recorded) -> None:
    stage = Stage()
    stage.utterance()
    stage.traces.on_event_sent(final_at(time.time()))
    stage.utterance()
    stage.hear(1.5, 0.9)
    stage.hear(0.3, 0.0)  # the third continues after its early final
    stage.traces.on_close()
    assert [span.attributes and span.attributes["nova.utterance"] for span in recorded.named("utterance")] == [1, 2]


def test_a_long_session_keeps_a_bounded_number_of_traces(recorded: Recorded) -> None:
    stage = Stage()
    for _ in range(REMEMBERED_UTTERANCES + 3):
        stage.utterance()
    assert len(stage.traces._utterances) == REMEMBERED_UTTERANCES


def test_jobs_carry_no_trace_while_tracing_is_off() -> None:
    stage = Stage(CLIENT)
    assert stage.utterance().traceparent == ""
    assert "traceparent" not in stage.utterance().model_dump_json(exclude_defaults=True)
    stage.traces.on_close()
    assert stage.traces._utterances == {}


# --- correlation


def test_a_session_that_replaces_a_lost_one_keeps_its_correlation_id() -> None:
    progress = SessionProgress(Start())
    progress.apply_ready(Ready(session="s", correlation_id="ticket-42"))
    assert progress.restart_message().correlation_id == "ticket-42"


def test_a_session_logs_its_correlation_id() -> None:
    (ready, *_) = Session("s", "ticket-42", SessionPolicy()).receive_message(Start(), 0.0)
    assert ready.event.correlation_id == "ticket-42"  # type: ignore[union-attr]
