"""Which streams the jobs of recordings use, by the heartbeats of the workers."""

from typing import Any

import pytest

from backend.messages.protocol import Start
from gateway.access.recording_streams import RecordingStreams

RECORDING = Start(priority="recording")
TRANSLATED = Start(priority="recording", translate_to=("es",))


def worker(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "name": "w", **more}


def after(*processes: dict[str, Any]) -> RecordingStreams:
    streams = RecordingStreams()
    streams.update(processes)
    return streams


def test_live_sessions_never_use_the_streams_of_recordings() -> None:
    assert after(worker("stt", reads_recordings=True)).priority(Start()) == "live"


@pytest.mark.parametrize("others", [[], [worker("stt")]])
def test_one_worker_that_reads_recordings_is_enough(others: list[dict[str, Any]]) -> None:
    streams = after(*others, worker("stt", reads_recordings=True))
    assert streams.priority(RECORDING) == "recording"


def test_recordings_are_not_left_unread_when_all_workers_are_of_an_earlier_release() -> None:
    streams = after(worker("gateway"), worker("stt"))
    assert streams.priority(RECORDING) == "live"
    streams.update([])
    assert streams.priority(RECORDING) == "live", "none is alive, so the last answer holds"
    streams.update([worker("stt", reads_recordings=True)])
    assert streams.priority(RECORDING) == "recording"


def test_a_recording_that_is_translated_needs_workers_of_both_kinds_that_read_it() -> None:
    streams = after(worker("stt", reads_recordings=True), worker("translation"))
    assert (streams.priority(RECORDING), streams.priority(TRANSLATED)) == ("recording", "live")
    streams.update([worker("translation", reads_recordings=True)])
    assert streams.priority(TRANSLATED) == "recording"
