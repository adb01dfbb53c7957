"""Utterances become captions of the size of a sink, with the times of their words."""

from backend.cli.files.subtitles.limits import CueLimits
from backend.cli.sinks.captions import LiveCaption, live_captions
from tests.unit.backend.cli.sinks.captions import utterance

LONG = "The first sentence has quite a number of words. The second sentence has almost as many of them. And a third."


def test_a_short_utterance_is_one_caption_with_the_time_of_its_first_word() -> None:
    found = live_captions(utterance("Good morning.", 2_000, 3_000), CueLimits(), began_at=100.0, now=200.0)
    assert found == [LiveCaption(("Good morning.",), "en", 102.0)]


def test_a_long_utterance_is_several_captions_in_order_without_losing_a_word() -> None:
    found = live_captions(utterance(LONG, 0, 9_000), CueLimits(line_length=32), began_at=0.0, now=200.0)
    assert len(found) > 1
    assert " ".join(line for caption in found for line in caption.lines) == LONG
    assert all(len(caption.lines) <= 2 and max(map(len, caption.lines)) <= 32 for caption in found)
    times = [caption.spoken_at for caption in found]
    assert times == sorted(times)
    assert times[-1] > 3


def test_no_caption_is_spoken_in_the_future() -> None:
    (found,) = live_captions(utterance("Early.", 60_000, 61_000), CueLimits(), began_at=100.0, now=120.0)
    assert found.spoken_at == 120.0
