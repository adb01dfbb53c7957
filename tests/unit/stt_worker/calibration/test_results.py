"""Choosing settings from measurements, and when a stored calibration is valid."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stt_worker.calibration.results import (
    FULL,
    TALKING,
    Calibration,
    MachineProfile,
    Trial,
    apply,
    choose,
    live_sessions,
    parse,
)
from stt_worker.settings import SttSettings

EXACT = ("float16", "int8_float16")
SETTINGS = {"batch", "compute_type", "threads"}
HERE = MachineProfile(model="base, 1 bytes", device="cpu", hardware="a chip, 2 cores", versions={"ctranslate2": "4"})


def trial(batch: int, throughput: float, *, threads: int = 2, compute_type: str = EXACT[0]) -> Trial:
    measured = {"batch": batch, "seconds": 6 * batch / throughput, "audio_s": 6 * batch}
    return Trial(threads=threads, compute_type=compute_type, beam_size=5, **measured)


def found(**values: object) -> Calibration:
    run = {"machine": HERE, "measured_at": "2026-11-21T12:00:00Z", "speech": "espeak-ng", "busy": 0.0, "trials": ()}
    chosen = {"threads": 2, "compute_type": "int8", "batch": 4}
    costs = {"final_cost": 0.1, "greedy_cost": 0.08, "preview_s": 0.3, "previews": {6: 0.2}}
    return Calibration.model_validate({**run, **chosen, **costs, **values})


trials = st.lists(
    st.builds(
        trial,
        st.sampled_from([1, 2, 4, 8, 16]),
        st.floats(0.01, 1e4),
        threads=st.integers(0, 64),
        compute_type=st.sampled_from(EXACT),
    ),
    min_size=1,
)


@given(trials)
def test_no_smaller_batch_is_as_good_as_the_choice(measured: list[Trial]) -> None:
    best = max(one.throughput for one in measured)
    chosen = choose(measured, EXACT)
    assert chosen in measured
    assert chosen.throughput >= 0.95 * best
    assert all(one.throughput < 0.95 * best for one in measured if one.batch < chosen.batch)


@given(trials)
def test_the_order_of_the_trials_does_not_matter(measured: list[Trial]) -> None:
    chosen, backwards = (choose(some, EXACT).model_dump(include=SETTINGS) for some in (measured, measured[::-1]))
    assert chosen == backwards


def test_a_larger_batch_is_chosen_only_if_it_is_clearly_faster() -> None:
    assert choose([trial(1, 9.0), trial(4, 10.0), trial(8, 10.4)], EXACT).batch == 4


def test_less_exact_types_and_more_threads_are_chosen_only_if_they_are_faster() -> None:
    equal = [trial(4, 10.2, compute_type=EXACT[1]), trial(4, 10.3, threads=4), trial(4, 10.0)]
    assert choose(equal, EXACT) == equal[2]
    faster = [trial(4, 10.0), trial(4, 20.0, compute_type=EXACT[1])]
    assert choose(faster, EXACT) == faster[1]


def test_sessions_fill_the_planned_share_of_each_second() -> None:
    assert live_sessions(final_cost=0.1, preview_s=0.0) == 14
    assert live_sessions(final_cost=0.1, preview_s=0.5) == 2
    assert found().sessions == live_sessions(0.1, 0.3)
    assert found().sessions_without_previews == live_sessions(0.1, 0.0)


@given(st.floats(1e-5, 100.0), st.floats(0.0, 100.0))
def test_the_number_of_sessions_is_the_largest_that_fits(cost: float, preview_s: float) -> None:
    each = TALKING * (cost + preview_s)
    sessions = live_sessions(cost, preview_s)
    assert sessions * each <= FULL * (1 + 1e-6)
    assert (sessions + 1) * each >= FULL * (1 - 1e-6)


def test_default_settings_are_filled_in_and_the_beam_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STT_BATCH", raising=False)
    best = apply(SttSettings(threads=0, compute_type="auto"), found())
    assert (best.threads, best.compute_type, best.batch) == (2, "int8", 4)
    assert best.beam_size == SttSettings().beam_size


def test_explicit_settings_are_kept_even_if_they_equal_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STT_BATCH", "8")
    settings = SttSettings(threads=1, compute_type="float32")
    assert apply(settings, found()) == settings


def test_a_calibration_is_valid_on_the_same_machine() -> None:
    assert parse(found().model_dump_json(), HERE) == (found(), "")


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"hardware": "another chip"}, "hardware"),
        ({"versions": {"ctranslate2": "5"}}, "versions"),
        ({"model": "base, 2 bytes", "device": "cuda:0"}, "model, device"),
    ],
)
def test_a_calibration_of_another_machine_is_ignored(other: dict[str, object], reason: str) -> None:
    calibration, why = parse(found().model_dump_json(), HERE.model_copy(update=other))
    assert calibration is None
    assert why == f"of another {reason}"


@given(st.one_of(st.text(), st.sampled_from(["batch", "threads", "machine", "final_cost", "trials"])))
def test_a_damaged_file_is_ignored_and_never_raises(damage: str) -> None:
    whole = json.loads(found().model_dump_json())
    text = json.dumps({**whole, damage: -1}) if damage in whole else damage
    calibration, why = parse(text, HERE)
    assert calibration is None
    assert why.startswith("damaged: ")
