"""A final that omits speech is cut and recognized in parts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from backend.messages.jobs import SAMPLE_RATE
from stt_worker.recognizers.null import NullRecognizer
from stt_worker.recognizers.recognizer import Hypothesis, OmittedSpeech, RecognizedWord, Speech
from stt_worker.repair import MAX_CUTS, recognize_all_speech

SENTENCE_S = 4.0


@dataclass
class FirstSentenceOnly(NullRecognizer):
    """Recognizes only the first sentence of the audio: the value of its samples tells which sentence it is."""

    sentences: dict[int, Hypothesis] = field(default_factory=dict)
    calls: list[int] = field(default_factory=list)

    def recognize(self, batch: Sequence[Speech]) -> list[Hypothesis]:
        self.calls.append(len(batch))
        return [self._first(speech) for speech in batch]

    def _first(self, speech: Speech) -> Hypothesis:
        first = self.sentences[int(speech.samples[0])]
        seconds = len(speech.samples) / SAMPLE_RATE
        if seconds <= SENTENCE_S + 0.1:
            return first
        return replace(first, omitted=OmittedSpeech(SENTENCE_S, seconds, seconds - SENTENCE_S, SENTENCE_S))


def said(text: str, language: str = "en", logprob: float = -0.2, no_speech: float = 0.0) -> Hypothesis:
    words = tuple(RecognizedWord(f" {word}", n, n + 1.0, 0.9) for n, word in enumerate(text.split()))
    return Hypothesis(text, language, 1.0, logprob, no_speech, words)


def repaired(*sentences: Hypothesis, **speech: object) -> tuple[Hypothesis, FirstSentenceOnly]:
    recognizer = FirstSentenceOnly()
    recognizer.sentences = dict(enumerate(sentences))
    recognizer.calls = []
    samples = np.repeat(np.arange(len(sentences), dtype=np.float32), int(SENTENCE_S * SAMPLE_RATE))
    (hypothesis,) = recognize_all_speech(recognizer, [replace(Speech(samples), **speech)])  # type: ignore[arg-type]
    return hypothesis, recognizer


def test_all_sentences_are_recognized_each_in_its_language() -> None:
    hypothesis, _ = repaired(said("one two three."), said("deux mots.", "fr"), said("three words more."))
    assert hypothesis.text == "one two three. deux mots. three words more."
    assert (hypothesis.language, hypothesis.retried, hypothesis.omitted) == ("en", "omission", None)


def test_words_keep_their_times_and_give_the_text() -> None:
    hypothesis, _ = repaired(said("one two"), said("three four"))
    assert "".join(word.text for word in hypothesis.words).strip() == hypothesis.text
    assert [word.start for word in hypothesis.words] == [0, 1, 4, 5]


def test_scripts_without_spaces_are_joined_without_a_space() -> None:
    hypothesis, _ = repaired(said("今天天气好", "zh"), said("我们去公园", "zh"))
    assert hypothesis.text == "今天天气好我们去公园"


def test_a_part_that_is_not_believable_is_left_out_and_reported() -> None:
    hypothesis, _ = repaired(said("one two three"), said("Thank you.", logprob=-2.5, no_speech=0.9))
    assert hypothesis.text == "one two three"
    assert hypothesis.omitted is not None
    assert hypothesis.omitted.seconds == SENTENCE_S


def test_the_number_of_cuts_is_limited() -> None:
    hypothesis, recognizer = repaired(*[said(f"sentence {n}") for n in range(8)])
    assert len(recognizer.calls) == MAX_CUTS + 1
    assert hypothesis.omitted is not None


def test_a_preview_is_not_repaired() -> None:
    hypothesis, recognizer = repaired(said("one two three"), said("four five"), final=False)
    assert (hypothesis.text, recognizer.calls) == ("one two three", [1])
