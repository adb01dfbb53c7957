"""Batched speech detection gives each session the result that it would get alone."""

import asyncio
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.errors import ModelError
from gateway.audio.silero import INPUT, WEIGHTS, Silero, WindowSequence, initial_state
from gateway.audio.vad_batcher import VadBatcher


@pytest.fixture(scope="module")
def silero() -> Silero:
    return Silero()


def sequence(seed: int, windows: int) -> WindowSequence:
    """Noise of random loudness, and a state that is not empty."""
    dice = np.random.default_rng(seed)
    noise = dice.normal(0, 3_000 * dice.random(), (windows, INPUT)).astype(np.int16)
    return WindowSequence(noise, dice.normal(0, 0.5, (2, 128)).astype(np.float32))


@settings(max_examples=30)
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(0, 1_000))
def test_sequences_in_one_run_do_not_affect_each_other(lengths: list[int], seed: int) -> None:
    network = Silero()
    sequences = [sequence(seed + n, windows) for n, windows in enumerate(lengths)]
    for one, (chances, state) in zip(sequences, network.infer(sequences), strict=True):
        [(alone, state_alone)] = network.infer([one])
        np.testing.assert_allclose(chances, alone, atol=1e-5)
        np.testing.assert_allclose(state, state_alone, atol=1e-5)


def test_inference_does_not_modify_its_input(silero: Silero) -> None:
    one = sequence(1, 5)
    inputs, state = one.inputs.copy(), one.state.copy()
    silero.infer([one, sequence(2, 3)])
    np.testing.assert_array_equal(one.inputs, inputs)
    np.testing.assert_array_equal(one.state, state)


def test_a_sequence_longer_than_one_run_gives_the_same_result(silero: Silero) -> None:
    long = sequence(3, 1_500)
    [(chances, state)] = silero.infer([long])
    [(first, between)] = silero.infer([WindowSequence(long.inputs[:700], long.state)])
    [(second, last)] = silero.infer([WindowSequence(long.inputs[700:], between)])
    np.testing.assert_allclose(chances, np.concatenate([first, second]), atol=1e-4)
    np.testing.assert_allclose(state, last, atol=1e-4)


@pytest.mark.parametrize("urgent", [(False,), (True,), (False, True), (True, False)])
async def test_every_request_gets_its_own_results(silero: Silero, urgent: tuple[bool, ...]) -> None:
    batcher = VadBatcher(silero)
    asked = [[sequence(10 * n + k, n + 1) for k in range(n % 3)] for n in range(6)]
    asking = zip(asked, cycle(urgent), strict=False)
    answers = await asyncio.gather(*(batcher.infer(sequences, urgent=soon) for sequences, soon in asking))
    for sequences, judged in zip(asked, answers, strict=True):
        for one, (chances, _) in zip(sequences, judged, strict=True):
            np.testing.assert_allclose(chances, silero.infer([one])[0][0], atol=1e-5)


async def test_an_urgent_request_waits_for_no_other(silero: Silero) -> None:
    batcher = VadBatcher(silero, gather_s=0.2)
    async with asyncio.TaskGroup() as tasks:
        gathered = [tasks.create_task(batcher.infer([sequence(n, 1)], urgent=False)) for n in (1, 2)]
        await asyncio.sleep(0)
        await batcher.infer([sequence(3, 1)], urgent=True)
        assert not any(task.done() for task in gathered)
    for n, task in enumerate(gathered, 1):
        [(chances, _)] = task.result()
        np.testing.assert_allclose(chances, silero.infer([sequence(n, 1)])[0][0], atol=1e-5)


async def test_a_cancelled_request_does_not_affect_others(silero: Silero) -> None:
    batcher = VadBatcher(silero)
    async with asyncio.TaskGroup() as tasks:
        gone = tasks.create_task(batcher.infer([sequence(1, 2)], urgent=True))
        stays = tasks.create_task(batcher.infer([sequence(2, 2)], urgent=False))
        await asyncio.sleep(0)
        gone.cancel()
    assert gone.cancelled()
    [(chances, _)] = stays.result()
    assert chances.shape == (2,)


def test_damaged_weights_are_rejected(tmp_path: Path) -> None:
    path = tmp_path / "silero.npz"
    path.write_bytes(WEIGHTS.read_bytes()[:-1] + b"?")
    with pytest.raises(ModelError, match=r"silero\.npz is damaged"):
        Silero(path)


def test_silence_after_the_initial_state_is_not_speech(silero: Silero) -> None:
    [(chances, _)] = silero.infer([WindowSequence(np.zeros((31, INPUT), np.int16), initial_state())])
    assert chances.max() < 0.1
