"""Captions stay until they can be read, and for less time if others wait."""

import pytest

from backend.cli.sinks.pace import MAX_SHOWN_S, MIN_SHOWN_S, shown_s
from tests.unit.backend.cli.sinks.captions import caption


@pytest.mark.parametrize(
    ("characters", "waiting", "seconds"),
    [(2, 0, MIN_SHOWN_S), (60, 0, 3.0), (60, 1, 3.0), (60, 2, 1.5), (60, 9, MIN_SHOWN_S), (200, 0, MAX_SHOWN_S)],
)
def test_a_caption_stays_for_its_length_and_less_if_others_wait(characters: int, waiting: int, seconds: float) -> None:
    assert shown_s(caption("x" * characters), waiting) == seconds
