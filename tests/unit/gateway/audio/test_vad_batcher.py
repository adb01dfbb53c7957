"""Sessions that are judged together: each hears what it would hear alone."""

from __future__ import annotations

import asyncio
import contextlib
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import ModelError
from gateway.audio import weights
from gateway.audio.silero import INPUT, Silero, Stretch, fresh
from gateway.audio.vad_batcher import VadBatcher


@pytest.fixture(scope="module")
def silero() -> Silero:
    return Silero()


def stretch(seed: int, windows: int) -> Stretch:
    """Noise that swells, behind a state that is not empty."""
    dice = np.random.default_rng(seed)
    noise = dice.normal(0, 3_000 * dice.random(), (windows, INPUT)).astype(np.int16)
    return Stretch(noise, dice.normal(0, 0.5, (2, 128)).astype(np.float32))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(0, 1_000))
def test_stretches_that_are_judged_together_know_nothing_of_each_other(lengths: list[int], seed: int) -> None:
    network = Silero()
    stretches = [stretch(seed + n, windows) for n, windows in enumerate(lengths)]
    for one, (chances, state) in zip(stretches, network.judge(stretches), strict=True):
        [(alone, state_alone)] = network.judge([one])
        np.testing.assert_allclose(chances, alone, atol=1e-5)
        np.testing.assert_allclose(state, state_alone, atol=1e-5)


def test_judging_leaves_what_it_was_given_as_it_was(silero: Silero) -> None:
    one = stretch(1, 5)
    inputs, state = one.inputs.copy(), one.state.copy()
    silero.judge([one, stretch(2, 3)])
    np.testing.assert_array_equal(one.inputs, inputs)
    np.testing.assert_array_equal(one.state, state)


def test_a_stretch_longer_than_one_run_is_judged_as_if_it_were_not(silero: Silero) -> None:
    long = stretch(3, 1_500)
    [(chances, state)] = silero.judge([long])
    [(first, between)] = silero.judge([Stretch(long.inputs[:700], long.state)])
    [(second, last)] = silero.judge([Stretch(long.inputs[700:], between)])
    np.testing.assert_allclose(chances, np.concatenate([first, second]), atol=1e-4)
    np.testing.assert_allclose(state, last, atol=1e-4)


@pytest.mark.parametrize("urgent", [(False,), (True,), (False, True), (True, False)])
async def test_whoever_asks_gets_the_answers_to_its_own_questions(silero: Silero, urgent: tuple[bool, ...]) -> None:
    hearing = VadBatcher(silero)
    asked = [[stretch(10 * n + k, n + 1) for k in range(n % 3)] for n in range(6)]
    asking = zip(asked, cycle(urgent), strict=False)
    answers = await asyncio.gather(*(hearing.judge(stretches, urgent=soon) for stretches, soon in asking))
    for stretches, judged in zip(asked, answers, strict=True):
        for one, (chances, _) in zip(stretches, judged, strict=True):
            np.testing.assert_allclose(chances, silero.judge([one])[0][0], atol=1e-5)


async def test_who_is_urgent_takes_along_who_waits_for_company(silero: Silero) -> None:
    hearing = VadBatcher(silero, gather_s=1e9)
    async with asyncio.TaskGroup() as tasks:
        patient = tasks.create_task(hearing.judge([stretch(1, 1)], urgent=False))
        await asyncio.sleep(0)
        await hearing.judge([stretch(2, 1)], urgent=True)
    [(chances, _)] = patient.result()
    np.testing.assert_allclose(chances, silero.judge([stretch(1, 1)])[0][0], atol=1e-5)


async def test_who_leaves_before_the_answer_disturbs_nobody(silero: Silero) -> None:
    hearing = VadBatcher(silero)
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(hearing.judge([stretch(1, 2)], urgent=True))
        stays = tasks.create_task(hearing.judge([stretch(2, 2)], urgent=False))
        await asyncio.sleep(0)
        gone.cancel()
    assert gone.cancelled()
    [(chances, _)] = stays.result()
    assert chances.shape == (2,)


@settings(max_examples=200)
@given(st.binary(max_size=60))
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert weights.read(data) == {}


def test_a_file_without_the_weights_is_named(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("weights") / "silero.onnx"
    path.write_bytes(b"\x3a\x00")
    with pytest.raises(ModelError, match=r"silero\.onnx"):
        Silero(path)


def test_silence_heard_from_nothing_is_no_speech(silero: Silero) -> None:
    [(chances, _)] = silero.judge([Stretch(np.zeros((31, INPUT), np.int16), fresh())])
    assert chances.max() < 0.1
