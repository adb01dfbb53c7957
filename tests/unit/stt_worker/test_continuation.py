"""The end of a long utterance is recognized after the words of its latest preview."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.continuation import MIN_LOGPROB, Joint, find_joint, recognize_with_drafts
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Hypothesis, OmittedSpeech, RecognizedWord, Speech

WORD_S = 0.5


def words(text: str, *, logprob: float = -0.1, pause_before: int = 0) -> tuple[RecognizedWord, ...]:
    """Words of half a second each. `pause_before`: index of a word that begins 0.2 s late."""
    return tuple(
        RecognizedWord(f" {word}", WORD_S * i + (0.2 if i == pause_before else 0.0), WORD_S * (i + 1), 0.9, logprob)
        for i, word in enumerate(text.split())
    )


DRAFT = words("a b c d e f g h i j", pause_before=6)  # 5 s
LONG = words(" ".join("abcdefghijklmnopqrstuvwxyz"), pause_before=16)  # 13 s


def speech(seconds: float, draft: Sequence[RecognizedWord] = DRAFT, **options: Any) -> Speech:
    samples = np.arange(round(seconds * SAMPLE_RATE), dtype=np.float32) / np.float32(1e7)
    return replace(Speech(samples, "en", draft=tuple(draft)), **options)


@dataclass
class Recorder(NullRecognizer):
    """Answers with the words that it was given, or "new" and "end" after the prefix; remembers what it was asked."""

    heard: list[Speech] = field(default_factory=list)
    answer: dict[str, Any] = field(default_factory=dict)

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        self.heard += batch
        return [self._answer(one) for one in batch]

    def _answer(self, one: Speech) -> Hypothesis:
        said = words(f"{one.prefix} new end")
        first = Hypothesis("".join(word.text for word in said).strip(), "en", 1.0, -0.2, 0.0, said)
        return replace(first, **self.answer) if one.context else first


def test_a_final_continues_in_the_longest_pause_before_the_settled_words_of_its_draft() -> None:
    recorder = Recorder()
    (found,) = recognize_with_drafts(recorder, [speech(6.0)])
    (rest,) = recorder.heard
    assert (rest.context, rest.prefix, rest.context_language) == ("a b c d e f", "g h", "en")
    assert len(rest.samples) == round((6.0 - 3.1) * SAMPLE_RATE), "the cut is in the middle of the pause"
    assert found.text == "a b c d e f g h new end"
    assert "".join(word.text for word in found.words).strip() == found.text
    assert [word.start for word in found.words[5:8]] == pytest.approx([2.5, 3.3, 3.6])
    assert found.continued


def test_words_after_the_end_of_the_audio_belong_to_the_next_utterance() -> None:
    recorder = Recorder()
    (found,) = recognize_with_drafts(recorder, [speech(9.0, LONG)])
    (rest,) = recorder.heard
    assert (rest.context, rest.prefix) == ("a b c d e f g h i j k l m n o p", "")
    assert found.text == "a b c d e f g h i j k l m n o p new end"
    assert len(rest.samples) == round(0.9 * SAMPLE_RATE)


def test_audio_is_not_cut_inside_a_word() -> None:
    draft = [replace(word, text="-f") if word.text == " f" else word for word in DRAFT]
    draft = [replace(word, start=word.start + 0.3) if word.text == "-f" else word for word in draft]
    joint = find_joint(speech(6.0, draft))
    assert joint is not None
    assert joint.before[-1].text == "-f", "not before it, although the pause is longer there"


def test_texts_without_spaces_are_joined_without_spaces() -> None:
    chinese = tuple(
        replace(word, text=word.text.strip()) for word in words("歡 迎 大 家 來 體 驗 今 天 的", pause_before=6)
    )
    before, audio = Joint(chinese[:6], (), 3.1), speech(6.0, chinese, language="zh")
    rest = Hypothesis("驗Python", "zh", 1.0, -0.1, 0.0, words("驗"))
    for last, text in (("驗", "歡迎大家來體驗"), ("Python", "歡迎大家來體 Python")):
        assert before.join(replace(rest, words=(replace(rest.words[0], text=last),)), audio).text == text


def test_a_detected_language_is_that_of_the_draft() -> None:
    recorder = Recorder()
    detected = speech(6.0, language=None, draft_language="en", draft_language_probability=0.9)
    (found,) = recognize_with_drafts(recorder, [detected])
    (rest,) = recorder.heard
    assert (rest.language, rest.context_language) == ("en", "en"), "not detected again in a part of the audio"
    assert (found.language, found.language_probability, found.languages) == ("en", 0.9, {"en": 0.9})
    doubtful = Recorder(answer={"avg_logprob": -9.0})
    recognize_with_drafts(doubtful, [detected])
    assert [one.language for one in doubtful.heard] == ["en", None], "all of the audio shows its language"


def test_a_preview_of_long_audio_continues_without_forced_words() -> None:
    recorder = Recorder()
    (found,) = recognize_with_drafts(recorder, [speech(15.0, LONG, final=False)])
    (rest,) = recorder.heard
    assert (rest.context, rest.prefix) == ("a b c d e f g h i j k l m n o p", "")
    assert found.text == "a b c d e f g h i j k l m n o p new end"


@pytest.mark.parametrize(
    "whole",
    [
        speech(4.9),
        speech(6.0, ()),
        speech(6.0, language=None),
        speech(6.0, prefix="a"),
        speech(6.0, words("a b c d e f g h i j", logprob=MIN_LOGPROB - 0.01)),
        speech(6.0, words("a b")),
        speech(13.0, final=False),
    ],
    ids=["short", "no draft", "unknown language", "committed text", "improbable", "two words", "short preview"],
)
def test_audio_without_a_usable_draft_is_decoded_whole(whole: Speech) -> None:
    assert find_joint(whole) is None
    recorder = Recorder()
    (found,) = recognize_with_drafts(recorder, [whole])
    assert [len(one.samples) for one in recorder.heard] == [len(whole.samples)]
    assert not found.continued


@pytest.mark.parametrize(
    "answer",
    [{"retried": "loop"}, {"omitted": OmittedSpeech(1.0, 2.0, 1.0, None)}, {"avg_logprob": -9.0}],
    ids=["decoded twice", "omits speech", "improbable"],
)
def test_a_doubtful_final_is_decoded_whole(answer: dict[str, Any]) -> None:
    recorder = Recorder(answer=answer)
    (found,) = recognize_with_drafts(recorder, [speech(6.0)])
    assert [len(one.samples) for one in recorder.heard][1:] == [6 * SAMPLE_RATE]
    assert found.text == "new end"
    assert not found.continued


def test_other_audio_of_the_batch_is_not_affected() -> None:
    recorder = Recorder()
    found = recognize_with_drafts(recorder, [speech(2.0, ()), speech(6.0), speech(3.0, ())])
    assert [hypothesis.continued for hypothesis in found] == [False, True, False]
    assert len(recorder.heard) == 3


def test_a_translation_is_decoded_whole() -> None:
    assert find_joint(speech(14, LONG)) is not None
    assert find_joint(speech(14, LONG, translate=True)) is None
