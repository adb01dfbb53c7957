"""Where utterances end, and which ones were cut."""

from backend.messages.protocol import SpeechEnded, SpeechStarted
from gateway.apis.utterance_ends import UtteranceEnd, UtteranceEnds


def test_an_utterance_that_the_next_one_continues_was_cut() -> None:
    ends = UtteranceEnds()
    ends.begin(SpeechStarted(utterance=1, start_ms=0))
    ends.end(SpeechEnded(utterance=1, end_ms=900))
    ends.begin(SpeechStarted(utterance=2, start_ms=900))
    ends.end(SpeechEnded(utterance=2, end_ms=1_500))
    ends.begin(SpeechStarted(utterance=3, start_ms=1_600))
    assert ends.last == 2
    assert ends.settle(1) == UtteranceEnd(900, is_cut=True)
    assert ends.settle(2) == UtteranceEnd(1_500, is_cut=False)
    assert ends.last is None
    assert ends.settle(1) == UtteranceEnd(0, is_cut=False), "it is forgotten"
