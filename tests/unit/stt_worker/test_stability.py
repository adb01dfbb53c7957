"""Which words of a growing utterance are shown and committed."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.messages.jobs import HypothesisWord
from backend.text.normalize import letters
from backend.text.writing_systems import split_words
from stt_worker.recognizers.recognizer import Hypothesis, RecognizedWord
from stt_worker.stability import CaptionState, StabilityPolicy, spoken_language, update_caption

EAGER = StabilityPolicy(
    shown_seconds=0.0,
    shown_probability=0.0,
    once_probability=0.0,
    edge_seconds=0.0,
    committed_seconds=0.5,
    committed_probability=0.0,
)
NOTHING = CaptionState("", "", ())


def heard(*words: str, probability: float = 0.9, length: float = 0.3) -> Hypothesis:
    """A hypothesis with words of equal length, one after the other."""
    timed = tuple(RecognizedWord(word, i * length, (i + 1) * length, probability) for i, word in enumerate(words))
    return Hypothesis("".join(words).strip(), "en", 1.0, -0.2, 0.0, timed)


def after(
    stable: CaptionState, hypothesis: Hypothesis, seconds: float, policy: StabilityPolicy | None = None
) -> CaptionState:
    """The state after one more decode."""
    return update_caption(stable.committed, stable.tentative, stable.hypothesis, hypothesis, seconds, policy)


def replayed(*decodes: Hypothesis, policy: StabilityPolicy | None = None) -> CaptionState:
    """The state after decodes one second apart."""
    stable = NOTHING
    for seconds, hypothesis in enumerate(decodes, 1):
        stable = after(stable, hypothesis, float(seconds), policy)
    return stable


def test_the_first_decode_commits_nothing() -> None:
    stable = update_caption("", "", (), heard(" Hello", " there."), 2.0, EAGER)
    remembered = tuple(HypothesisWord(text=text, probability=0.9, since=2.0) for text in (" Hello", " there"))
    assert (stable.committed, stable.tentative, stable.hypothesis) == ("", "Hello there", remembered)


def test_shown_words_have_the_times_of_the_latest_decode() -> None:
    stable = update_caption("", "", (), heard(" Hello,", " there."), 2.0, EAGER)
    assert [(word.text, word.start, word.end, word.probability) for word in stable.words] == [
        ("Hello,", 0.0, 0.3, 0.9),
        (" there", 0.3, 0.6, 0.9),
    ]


def test_a_shown_word_that_a_decode_lacks_lies_between_its_neighbours() -> None:
    stable = replayed(heard(" one", " two", " three"), heard(" one", " three", " four"), policy=EAGER)
    (missing,) = (word for word in stable.words if word.probability == 0)
    assert (missing.text, missing.start, missing.end) == (" two", 0.3, 0.3)
    assert "".join(word.text for word in stable.words) == stable.committed + stable.tentative


def test_words_are_committed_up_to_the_first_that_changed() -> None:
    stable = replayed(heard(" Hello", " fair", " world"), heard(" Hello", " there", " world"), policy=EAGER)
    assert stable.committed == "Hello"
    assert [word.text for word in stable.hypothesis] == [" there", " world"]


def test_case_and_punctuation_are_ignored_and_shown_words_keep_their_spelling() -> None:
    stable = replayed(heard(" hello,", " there"), heard(" Hello", " There!"), policy=EAGER)
    assert stable.committed == "hello, there"


def test_punctuation_is_shown_together_with_the_next_word() -> None:
    first = replayed(heard(" Hello,"), policy=EAGER)
    assert first.tentative == "Hello"
    assert after(first, heard(" Hello,", " world."), 2.0, EAGER).tentative == ", world"


def test_a_longer_word_is_another_word() -> None:
    assert replayed(heard(" the"), heard(" then"), policy=EAGER).committed == ""


def test_the_age_of_a_word_is_measured_in_audio_and_not_in_decodes() -> None:
    policy = replace(EAGER, committed_seconds=1.0)
    stable = NOTHING
    for seconds in (1.0, 1.25, 1.5, 1.75):
        stable = after(stable, heard(" we"), seconds, policy)
        assert stable.committed == ""
    assert after(stable, heard(" we"), 2.0, policy).committed == "we"


def test_a_word_that_changed_in_between_starts_again() -> None:
    policy = replace(EAGER, committed_seconds=1.5)
    assert replayed(heard(" we"), heard(" we"), heard(" we"), policy=policy).committed == "we"
    assert replayed(heard(" we"), heard(" he"), heard(" we"), policy=policy).committed == ""


def test_an_improbable_word_delays_all_words_after_it() -> None:
    words = heard(" we", " must", " go")
    unsure = replace(words, words=(words.words[0], replace(words.words[1], probability=0.1), words.words[2]))
    policy = replace(EAGER, committed_probability=0.4)
    for decodes in ((words, unsure), (unsure, words)):
        stable = replayed(*decodes, policy=policy)
        assert (stable.committed, stable.tentative) == ("we", " must go")
    assert replayed(words, words, policy=policy).committed == "we must go"


def test_a_new_word_is_shown_if_it_is_probable_and_not_at_the_end_of_the_audio() -> None:
    policy = StabilityPolicy(once_probability=0.6, edge_seconds=0.5, opening_words=0)
    said = heard(" one", " two", length=1.0)
    assert update_caption("", "", (), said, 2.2, policy).tentative == "one"
    assert update_caption("", "", (), said, 2.6, policy).tentative == "one two"
    assert update_caption("", "", (), heard(" one", probability=0.5), 2.6, policy).tentative == ""


def test_a_less_probable_word_is_shown_after_a_while() -> None:
    policy = StabilityPolicy(shown_seconds=0.9, opening_words=0)
    doubtful = heard(" we", probability=0.5)
    assert replayed(doubtful, policy=policy).tentative == ""
    assert replayed(doubtful, doubtful, policy=policy).tentative == "we"
    improbable = heard(" we", probability=0.2)
    assert replayed(improbable, improbable, improbable, policy=policy).tentative == ""


def test_the_first_words_of_an_utterance_are_shown_at_once() -> None:
    policy = StabilityPolicy(opening_words=2, edge_seconds=0.5)
    assert update_caption("", "", (), heard(" we", probability=0.1, length=1.0), 1.0, policy).tentative == "we"
    said = heard(" we", " may", " go", probability=0.1, length=1.0)
    stable = update_caption("", "", (), said, 4.0, policy)
    assert stable.tentative == "we may"
    assert after(stable, said, 4.0, policy).tentative == "we may"


def test_the_last_shown_words_are_replaced_by_steady_ones() -> None:
    policy = StabilityPolicy(shown_seconds=0.9, edge_seconds=0.0)
    stable = replayed(heard(" we", " cross"), heard(" we", " crossed", " it"), policy=policy)
    assert stable.committed + stable.tentative == "we cross"
    stable = after(stable, heard(" we", " crossed", " it"), 3.0, policy)
    assert stable.committed + stable.tentative == "we crossed it"


def test_a_changed_word_inside_the_caption_is_left_for_the_final() -> None:
    before = (heard(" a", " box", " car", " door"),)
    stable = replayed(*before, *[heard(" a", " box", " tsar", " door", " opens")] * 5, policy=EAGER)
    assert (stable.committed, stable.tentative) == ("a box", " car door opens")


def test_a_decode_that_ends_early_removes_nothing() -> None:
    stable = replayed(heard(" Hello", " there"), heard(" Hello", " there", " my"), policy=EAGER)
    for less in (heard(" Hello"), heard()):
        again = after(stable, less, 3.0, EAGER)
        assert (again.committed, again.tentative) == ("Hello there", " my")


def test_the_end_time_of_the_committed_words_is_reported() -> None:
    stable = replayed(heard(" one", " two"), heard(" one", " two", " three"), policy=EAGER)
    assert (stable.committed, stable.committed_seconds) == ("one two", 0.6)
    assert after(stable, heard(), 3.0, EAGER).committed_seconds == 3.0
    assert NOTHING.committed_seconds == 0.0


def test_scripts_without_spaces_are_committed_by_character() -> None:
    stable = replayed(heard("今天", "天气", "很"), heard("今", "天天", "气很", "好。"), policy=EAGER)
    assert (stable.committed, stable.tentative) == ("今天天气很", "好")


def test_a_decoder_may_split_words() -> None:
    whole, pieces = heard(" speech-to-text", " now"), heard(" speech", "-to", "-text", " now")
    assert replayed(whole, pieces, policy=EAGER).committed == "speech-to-text now"
    assert replayed(pieces, pieces, policy=EAGER).committed == "speech-to-text now"


def test_committed_words_are_aligned_with_a_decode_that_differs() -> None:
    said = (heard(" Hello", " there", " my"),) * 2
    stable = replayed(*said, heard(" hello", " they", " are,", " my", " friend"), policy=EAGER)
    assert (stable.committed, stable.tentative) == ("Hello there my", " friend")


spelling = st.sampled_from(["we", "We", "must", "go", "go,", "now", "now.", "don't", "été", "天", "हिन्दी", "--"])
probability = st.floats(0, 1)
decodes = st.lists(st.lists(st.tuples(spelling, probability), max_size=8), min_size=1, max_size=8)
seconds = st.floats(0, 2)
policies = st.builds(
    StabilityPolicy,
    shown_seconds=seconds,
    edge_seconds=seconds,
    committed_seconds=st.floats(0.1, 3),
    **dict.fromkeys(("shown_probability", "once_probability", "committed_probability"), probability),
)


@given(decodes, policies, st.floats(0.2, 2))
def test_committed_text_only_grows_and_shown_words_are_only_replaced(
    rounds: list[list[tuple[str, float]]], policy: StabilityPolicy, step: float
) -> None:
    stable = NOTHING
    for number, said in enumerate(rounds, 1):
        words = tuple(RecognizedWord(f" {word}", 0.3 * i, 0.3 * (i + 1), p) for i, (word, p) in enumerate(said))
        hypothesis = Hypothesis("".join(word.text for word in words).strip(), "en", 1, -0.1, 0, words)
        now = after(stable, hypothesis, step * number, policy)
        assert now.committed.startswith(stable.committed)
        assert now.committed == now.committed.strip()
        assert not now.committed or letters(now.committed[-1])
        shown, shown_before = now.committed + now.tentative, stable.committed + stable.tentative
        assert not shown or letters(shown[-1])
        assert shown == shown_before or not shown_before.startswith(shown)
        assert not shown_before or shown
        stable = now


@given(st.lists(spelling, max_size=6), policies)
def test_nothing_is_committed_after_one_decode(said: list[str], policy: StabilityPolicy) -> None:
    assert update_caption("", "", (), heard(*(f" {word}" for word in said)), 10.0, policy).committed == ""


@given(st.lists(spelling, min_size=1, max_size=8), st.integers(2, 6))
def test_text_that_never_changes_is_committed_completely(said: list[str], times: int) -> None:
    decode = heard(*(f" {word}" for word in said), probability=1.0)
    stable = replayed(*[decode] * (times + 1))
    assert len(split_words(stable.committed)) == len(split_words(decode.text))
    assert stable.tentative == ""


@pytest.mark.parametrize(
    ("before", "probabilities", "seconds", "language"),
    [
        (None, {"en": 0.4, "de": 0.3}, 1.0, "en"),
        ("de", {"en": 0.7, "de": 0.2}, 5.0, "de"),
        ("de", {"en": 0.9, "de": 0.05}, 1.0, "de"),
        ("de", {"en": 0.9, "de": 0.05}, 3.0, "en"),
    ],
)
def test_a_language_is_kept_until_another_is_almost_certain(
    before: str | None, probabilities: dict[str, float], seconds: float, language: str
) -> None:
    assert spoken_language(before, probabilities, seconds) == (language, probabilities[language])
