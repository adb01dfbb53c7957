"""No step of decoding a container takes long, however many parts its frame has."""

import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice

import pytest

from backend.errors import AudioError
from backend.messages.protocol import AudioFormat
from gateway.audio.containers.packets import MAX_EMPTY
from gateway.audio.decoder import AudioInputDecoder
from tests.chaos.clients.container_bombs import CONTAINER_BOMBS, MAX_FRAME

# Time of the processor, not of a clock. The longest step takes 2 to 4 ms on a busy core.
MAX_STEP_S = 0.02
# Enough of a frame to see its longest step.
STEPS = 600


def opened(name: str) -> AudioInputDecoder:
    bomb = CONTAINER_BOMBS[name]
    source = AudioInputDecoder(AudioFormat(encoding=bomb.encoding))
    assert not any(piece.size for piece in source.decode(bomb.opening))
    return source


def step_times(steps: Iterator[object]) -> Iterator[float]:
    while True:
        began = time.thread_time()
        try:
            next(steps)
        except (StopIteration, AudioError):
            return
        finally:
            yield time.thread_time() - began


@pytest.mark.parametrize("name", CONTAINER_BOMBS)
def test_no_step_of_a_hostile_frame_takes_long(name: str) -> None:
    frame = CONTAINER_BOMBS[name].frame
    assert MAX_FRAME - 2 * 8_200 < len(frame) <= MAX_FRAME
    took = sorted(islice(step_times(opened(name).decode(frame)), STEPS))
    print(f"{name}: {len(took)} steps, {sum(took):.2f} s, longest {1000 * took[-1]:.1f} ms")
    # A garbage collection or a page fault may fall into one step.
    assert took[-2] < MAX_STEP_S


@pytest.mark.parametrize("name", ["Void", "timestamps", "nested clusters", "track entries", "empty pages"])
def test_a_container_of_empty_parts_is_refused_before_all_of_them_are_read(name: str) -> None:
    frame = CONTAINER_BOMBS[name].frame
    with pytest.raises(AudioError, match="more than 10,000") as caught:
        list(opened(name).decode(frame))
    assert (caught.value.code, caught.value.close_code) == ("invalid_container", 1007)
    # The smallest element has two bytes, so these are fewer than the limit.
    assert not any(piece.size for piece in opened(name).decode(frame[: 2 * (MAX_EMPTY - 100)]))


@pytest.mark.parametrize("name", ["Void", "empty pages"])
def test_the_limit_of_empty_parts_counts_across_frames(name: str) -> None:
    source, frame = opened(name), CONTAINER_BOMBS[name].frame[:270]
    with suppress(AudioError):
        for _ in range(MAX_EMPTY):
            assert not any(piece.size for piece in source.decode(frame))
        pytest.fail("frames without audio were accepted without a limit")


@pytest.mark.parametrize("name", ["Opus headers in blocks", "tracks", "Opus headers in pages", "Ogg streams"])
def test_a_step_opens_one_codec_at_most(name: str) -> None:
    frame = CONTAINER_BOMBS[name].frame[:70_000]
    steps = sum(1 for _ in opened(name).decode(frame))
    # A page may be incomplete.
    assert steps >= frame.count(b"OpusHead") - 255 > 500
