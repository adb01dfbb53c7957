"""When a system on one machine is ready."""

from typing import Any

import pytest

from backend.local.system import _has_read

UNKNOWN = {"speech": None, "translation": None, "speakers": None}
STT, TRANSLATION = {"kind": "stt"}, {"kind": "translation", "translates": []}


@pytest.mark.parametrize(
    ("workers", "languages", "is_known"),
    [
        ([STT], UNKNOWN, False),
        ([STT], {**UNKNOWN, "speakers": False}, True),
        ([STT, TRANSLATION], {**UNKNOWN, "speakers": True}, False),
        ([STT, TRANSLATION], {**UNKNOWN, "speakers": True, "translation": []}, True),
        ([STT, {"kind": "translation"}], {**UNKNOWN, "speakers": True}, True),
        ([{"kind": "gateway"}], UNKNOWN, True),
    ],
)
def test_a_gateway_has_read_the_heartbeats_once_it_announces_what_they_say(
    workers: list[dict[str, Any]], languages: dict[str, Any], is_known: bool
) -> None:
    assert _has_read(workers, languages) is is_known
