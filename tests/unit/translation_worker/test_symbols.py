"""Symbols are taken out of sentences and restored in their translations."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_worker.symbols import take_out
from translation_worker.translator import Passage

CHINESE, ENGLISH = "zho_Hans", "eng_Latn"


def known(character: str) -> bool:
    """A vocabulary that lacks a few symbols."""
    return character not in "€¥°"


def carried(text: str, translation: str, *, into: str = ENGLISH, prefix: str = "") -> str:
    source = CHINESE if into == ENGLISH else ENGLISH
    return take_out(Passage(text, source, into, prefix), known).restore(translation)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("我爱你😀非常多", "我爱你非常多"),
        ("Hello {user}, order {order_id} is ready 🚀!", "Hello, order is ready!"),
        ("I ❤️ you", "I you"),
        ("👨‍👩‍👧 are 👋🏽 here 🇪🇸", "are here"),
        ("I say {hello there} to you", "I say hello there to you"),
        ("5€ and 25°C", "5 and 25 C"),
        ("$5, 50% + 3 = ♥ (yes) [no] <b>", "$5, 50% + 3 = (yes) [no] <b>"),
    ],
)
def test_the_model_receives_a_sentence_without_symbols(text: str, plain: str) -> None:
    assert take_out(Passage(text, ENGLISH, CHINESE), known).passage.text == plain


@pytest.mark.parametrize(
    ("text", "translation", "restored"),
    [
        ("我爱你😀非常多", "I love you so much.", "I love you 😀 so much."),
        ("😀你好", "Hello.", "😀 Hello."),
        ("我爱你。😀", "I love you.", "I love you. 😀"),
        ("我爱你😀。", "I love you.", "I love you 😀."),
        (
            "天气很好🎉🎉，我们去公园玩。",
            "It's a nice day, let's go to the park.",
            "It's a nice day 🎉🎉, let's go to the park.",
        ),
        ("请{name}来这里。", "Please come here.", "Please {name} come here."),
        ("他说{你好}然后走了", "He said hello and left.", "He said {hello} and left."),
        ("亲爱的{用户}，订单已发货。", "Dear user, the order is shipped.", "Dear {user}, the order is shipped."),
        ("{{你好}}世界", "Hello world", "{{Hello}} world"),
        ("价格是5€，很便宜", "The price is 5, very cheap.", "The price is 5€, very cheap."),
        ("价格是¥5，很便宜", "The price is 5, very cheap.", "The price is ¥5, very cheap."),
        ("气温是25°C，风很大。", "It is 25 C and windy.", "It is 25°C and windy."),
    ],
)
def test_symbols_are_restored_where_they_were(text: str, translation: str, restored: str) -> None:
    assert carried(text, translation) == restored


def test_no_spaces_are_added_in_scripts_without_spaces() -> None:
    assert carried("I love 😀 you so much.", "我非常爱你。", into=CHINESE) == "我😀非常爱你。"
    assert carried("It is ready 🚀!", "准备好了！", into=CHINESE) == "准备好了🚀！"


def test_symbols_that_the_prefix_shows_are_not_repeated() -> None:
    assert carried("我爱你😀非常多", "I love you so much.", prefix="I love 😀 you") == "I love 😀 you so much."
    assert carried("我爱你😀非常多", "I love you so much.", prefix="I love you 😀") == "I love you 😀 so much."
    assert carried("我爱你😀非常多", "I love you so much.", prefix="I love") == "I love you 😀 so much."


def test_a_sentence_of_placeholders_has_no_words() -> None:
    assert not take_out(Passage("{name}! 😀", ENGLISH, CHINESE), known).has_words
    assert take_out(Passage("{name}! 5", ENGLISH, CHINESE), known).has_words


SENTENCES = st.text(st.sampled_from("ab 我好,。.!{}😀❤️‍€5"), max_size=30)


@given(SENTENCES, SENTENCES, st.sampled_from([ENGLISH, CHINESE]))
def test_no_symbol_and_no_letter_is_lost(text: str, translation: str, target: str) -> None:
    plain = take_out(Passage(text, ENGLISH, target), known)
    given_words = translation.replace("{", "").replace("}", "")
    symbols = "".join(symbol.text for symbol in plain.symbols)
    restored = plain.restore(given_words)
    assert Counter("".join(restored.split())) == Counter("".join((given_words + symbols).split()))
    letters = iter(restored)
    assert all(character in letters for character in given_words if character.isalnum())


@given(SENTENCES, SENTENCES, SENTENCES)
def test_every_restored_translation_begins_with_its_prefix(text: str, prefix: str, added: str) -> None:
    plain = take_out(Passage(text, ENGLISH, CHINESE, prefix), known)
    assert plain.restore(plain.passage.prefix + added).startswith(prefix)
