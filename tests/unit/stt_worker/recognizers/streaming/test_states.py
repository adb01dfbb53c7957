import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stt_worker.recognizers.streaming.states import StateCache

AUDIO = np.arange(100, dtype=np.float32)


def test_a_state_is_taken_once_by_audio_that_continues_its_own() -> None:
    cache = StateCache[str](2)
    cache.keep("a", AUDIO[:40], "options", "state")
    assert cache.take("a", AUDIO, "options") == ("state", 40)
    assert cache.take("a", AUDIO, "options") is None


def test_other_audio_less_audio_and_other_options_do_not_get_it() -> None:
    cache = StateCache[str](2)
    changed = AUDIO.copy()
    changed[39] += 1
    for samples, options in ((changed, "options"), (AUDIO[:39], "options"), (AUDIO, "others")):
        cache.keep("a", AUDIO[:40], "options", "state")
        assert cache.take("a", samples, options) is None
        assert cache.take("a", AUDIO, "options") is None, "it is dropped"


def test_the_same_audio_again_has_nothing_new() -> None:
    cache = StateCache[str](2)
    cache.keep("a", AUDIO, None, "state")
    assert cache.take("a", AUDIO, None) == ("state", len(AUDIO))


@given(st.integers(1, 4), st.lists(st.sampled_from("abcdef"), max_size=20))
def test_the_utterances_kept_last_have_a_state(limit: int, utterances: list[str]) -> None:
    cache = StateCache[str](limit)
    for utterance in utterances:
        cache.take(utterance, AUDIO, None)  # as each preview does first
        cache.keep(utterance, AUDIO, None, utterance)
    latest = list(dict.fromkeys(reversed(utterances)))[:limit]
    assert [one for one in "abcdef" if cache.take(one, AUDIO, None)] == sorted(latest)
