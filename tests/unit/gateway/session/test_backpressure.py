"""Backpressure levels, and the utilization that workers report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.streams.observe.utilization import Utilization
from gateway.session.backpressure import Backpressure, BackpressureGauge, BackpressureLimits

LIMITS = BackpressureLimits(slow_s=1.0, stop_s=2.0, refuse_s=4.0, refuse_load=0.85)


@pytest.mark.parametrize(
    ("waiting_s", "load", "level"),
    [
        (0.0, 0.0, Backpressure.NONE),
        (0.9, 0.8, Backpressure.NONE),
        (1.0, 0.0, Backpressure.SLOW),
        (2.5, 0.0, Backpressure.STOP),
        (4.0, 0.0, Backpressure.REFUSE),
        (0.0, 0.9, Backpressure.REFUSE),
    ],
)
def test_each_level_has_its_threshold(waiting_s: float, load: float, level: Backpressure) -> None:
    assert BackpressureGauge(LIMITS).update_level(waiting_s, load, 0.0) == level


def test_levels_rise_at_once_and_fall_one_step_at_a_time() -> None:
    gauge = BackpressureGauge(LIMITS)
    assert gauge.update_level(5.0, 0.0, 0.0) == Backpressure.REFUSE
    levels = [gauge.update_level(0.0, 0.0, 0.5 * tick) for tick in range(1, 14)]
    assert levels[:3] == [Backpressure.REFUSE] * 3
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == Backpressure.NONE


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1)), min_size=1))
def test_the_level_is_never_below_the_measured_level(seen: list[tuple[float, float]]) -> None:
    gauge = BackpressureGauge(LIMITS)
    for tick, (waiting_s, load) in enumerate(seen):
        fresh = BackpressureGauge(LIMITS).update_level(waiting_s, load, 0.0)
        assert gauge.update_level(waiting_s, load, float(tick)) >= fresh


def test_utilization_follows_recent_work() -> None:
    busy = Utilization(0.0)
    for second in range(60):
        busy.set_active(True, float(second))
        busy.set_active(False, second + 0.25)
    assert busy.share(60.0) == pytest.approx(0.25, abs=0.03)
    assert busy.share(120.0) < 0.01
    busy.set_active(True, 120.0)
    assert busy.share(180.0) > 0.95, "work in progress counts"
