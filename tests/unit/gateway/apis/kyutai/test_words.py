"""Words are sent once, in order, and never taken back."""

from hypothesis import given
from hypothesis import strategies as st

from backend.messages.protocol import Final, Partial, Word
from gateway.apis.kyutai.words import CommittedWords


def timed(text: str, start_ms: int = 0) -> tuple[Word, ...]:
    return tuple(
        Word(
            word=f" {word}" if place else word,
            start_ms=start_ms + 100 * place,
            end_ms=start_ms + 100 * place + 90,
            confidence=0.9,
        )
        for place, word in enumerate(text.split())
    )


def shown(committed: str, tentative: str = "", *, words: bool = True) -> Partial:
    listed = timed(committed + tentative) if words else None
    return Partial(
        utterance=1,
        revision=1,
        committed=committed,
        tentative=tentative,
        language="en",
        start_ms=0,
        end_ms=900,
        words=listed,
    )


def spoken(text: str, words: tuple[Word, ...] | None = None) -> Final:
    return Final(utterance=1, text=text, language="en", confidence=0.8, start_ms=0, end_ms=1_000, words=words)


def texts(words: list[Word]) -> list[str]:
    return [word.word.strip() for word in words]


def test_only_committed_words_are_sent_each_once() -> None:
    one = CommittedWords()
    assert texts(one.commit(shown("Good", " morning every"))) == ["Good"]
    assert texts(one.commit(shown("Good", " mourning"))) == []
    assert texts(one.commit(shown("Good morning", " everyone"))) == ["morning"]
    assert texts(one.finish(spoken("Good morning everyone.", timed("Good morning everyone.")))) == ["everyone."]


def test_the_times_are_those_of_the_event_that_commits_the_word() -> None:
    (word,) = CommittedWords().commit(shown("Good", " morning"))
    assert (word.start_ms, word.end_ms) == (0, 90)


def test_a_word_that_is_committed_without_its_punctuation_is_not_repeated() -> None:
    one = CommittedWords()
    assert texts(one.commit(shown("Well", " now"))) == ["Well"]
    assert texts(one.finish(spoken("Well, now.", timed("Well, now.")))) == ["now."]


def test_a_part_of_a_word_is_not_sent() -> None:
    assert texts(CommittedWords().commit(shown("Good mor", "ning"))) == ["Good"]


def test_words_without_times_wait_for_the_final() -> None:
    one = CommittedWords()
    assert one.commit(shown("Good morning", words=False)) == []
    words = one.finish(spoken("Good morning."))
    assert texts(words) == ["Good", "morning."]
    assert [(word.start_ms, word.end_ms) for word in words] == [(0, 308), (308, 1_000)]


def test_a_final_of_the_committed_words_alone_repeats_none() -> None:
    one = CommittedWords()
    one.commit(shown("Good morning"))
    assert one.finish(spoken("Good morning")) == []


def test_a_final_that_contradicts_sent_words_adds_what_follows_them() -> None:
    one = CommittedWords()
    assert texts(one.commit(shown("Good mourning", " all"))) == ["Good", "mourning"]
    assert one.commit(shown("Good morning all")) == []
    assert texts(one.finish(spoken("Good morning all.", timed("Good morning all.")))) == ["all."]


def test_a_script_without_spaces_has_a_word_for_each_character() -> None:
    words = CommittedWords().finish(spoken("今天很好。"))
    assert texts(words) == ["今", "天", "很", "好。"]
    assert words[-1].end_ms == 1_000


def test_an_empty_final_and_punctuation_alone() -> None:
    assert CommittedWords().finish(spoken("")) == []
    assert texts(CommittedWords().finish(spoken("..."))) == ["..."]


@given(st.lists(st.text("abcä今.", min_size=1, max_size=4), min_size=1, max_size=8), st.data())
def test_the_words_are_the_text_however_it_is_committed(parts: list[str], data: st.DataObject) -> None:
    text = " ".join(parts)
    one, sent = CommittedWords(), []
    for size in sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4))):
        sent += one.commit(shown(text[:size], text[size:]))
    sent += one.finish(spoken(text, timed(text)))
    assert texts(sent) == text.split()
