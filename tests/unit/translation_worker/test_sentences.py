from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_worker.sentences import separator, split

LANGUAGES = st.sampled_from(["eng_Latn", "deu_Latn", "zho_Hans", "ell_Grek", "hin_Deva"])
PROSE = st.text(st.sampled_from('aB1 3我い.!?。！…;؟।\n\t\u3000"”)」,，Dr')) | st.text()


def texts(text: str, language: str) -> list[str]:
    return [sentence.text for sentence in split(text, language)]


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("eng_Latn", "Hi George. How are you? Fine!", ["Hi George.", "How are you?", "Fine!"]),
        ("eng_Latn", "Really... Yes. No. I see", ["Really...", "Yes.", "No.", "I see"]),
        ("eng_Latn", "one line\n\nanother", ["one line", "another"]),
        ("zho_Hans", "你好。我是王先生！你呢？", ["你好。", "我是王先生！", "你呢？"]),
        ("zho_Hans", "OK.我走了……再见", ["OK.", "我走了……", "再见"]),
        ("zho_Hans", "我用iPhone.你呢", ["我用iPhone.", "你呢"]),
        ("eng_Latn", "No. I don't. Tell me. On TV. Yes.", ["No.", "I don't.", "Tell me.", "On TV.", "Yes."]),
        ("spa_Latn", "Muy bien. No. Es el mar. Sí.", ["Muy bien.", "No.", "Es el mar.", "Sí."]),
        ("deu_Latn", "Das ist gut. Komm mit. Art ist Kunst.", ["Das ist gut.", "Komm mit.", "Art ist Kunst."]),
        ("ces_Latn", "Strč prst skrz krk. Dobře.", ["Strč prst skrz krk.", "Dobře."]),
        ("kor_Hang", "안녕하세요. 저는 김입니다.", ["안녕하세요.", "저는 김입니다."]),
        ("jpn_Jpan", "そうですか？はい。", ["そうですか？", "はい。"]),
        ("hin_Deva", "मैं ठीक हूँ। आप कैसे हैं?", ["मैं ठीक हूँ।", "आप कैसे हैं?"]),
        ("arb_Arab", "كيف حالك؟ أنا بخير.", ["كيف حالك؟", "أنا بخير."]),
        ("urd_Arab", "میں ٹھیک ہوں۔ آپ کیسے ہیں؟", ["میں ٹھیک ہوں۔", "آپ کیسے ہیں؟"]),
        ("amh_Ethi", "ሰላም። እንዴት ነህ?", ["ሰላም።", "እንዴት ነህ?"]),
        ("ell_Grek", "Τι κάνεις; Καλά.", ["Τι κάνεις;", "Καλά."]),
        ("spa_Latn", "¿Qué tal? ¡Bien!", ["¿Qué tal?", "¡Bien!"]),
    ],
)
def test_sentences_end_at_the_marks_of_their_script(language: str, text: str, sentences: list[str]) -> None:
    assert texts(text, language) == sentences


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("eng_Latn", "Dr. Smith paid 3.50 dollars to J. K. Rowling at example.com."),
        ("eng_Latn", "It was 5 p.m. on Jan. 5, see No. 7."),
        ("eng_Latn", 'He said "Really?" and left.'),
        ("eng_Latn", "well... maybe; or not"),
        ("deu_Latn", "Am 3. Mai kam z.B. Frau Dr. Müller."),
        ("deu_Latn", "Er wohnt in der Hauptstr. 5 und zahlt 3,5 Mio. Euro an Dr. med. Schulz, vgl. Abb. 3."),
        ("spa_Latn", "El Sr. López no está."),
        ("spa_Latn", "Vive en EE. UU. desde 2010 en la Av. Mayor con la Sra. Gil."),
        ("fra_Latn", "M. Dupont et Mme. Martin habitent av. Foch, bd. Voltaire et arrivent à 5 h. du matin."),
        ("ita_Latn", "Il sig. Rossi abita in via Roma n. 5 con il dott. Bianchi, cfr. pag. 3."),
        ("por_Latn", "O Sr. Silva mora na Av. Paulista com a Dra. Souza, núm. 7."),
        ("nld_Latn", "Dhr. Jansen en mevr. De Vries wonen in de Kerkstr. 5, bijv. nr. 7."),
        ("pol_Latn", "Pan prof. Nowak mieszka przy ul. Długiej z dr. Kowalskim od 3. Maja."),
        ("swe_Latn", "Han kom kl. 5 med bl.a. Dr. Berg och prof. Lund, se s. 7."),
        ("ces_Latn", "Pan Ing. Novák bydlí v ul. Dlouhá od 3. května."),
        ("tur_Latn", "Prof. Dr. Ahmet Bey ve Sn. Kaya 3. Sok. No. 5 adresinde."),
        ("zho_Hans", "我在U.S.A.学习。"),
        ("zho_Hans", "Mr.王和Dr.李在Apple Inc.公司"),
        ("jpn_Jpan", "Mr.田中は来ません。"),
        ("rus_Cyrl", "Это ул. Ленина и т.д."),
        ("rus_Cyrl", "Г. Москва, 5 млн. Рублей, проф. Иванов, рис. 3"),
        ("jpn_Jpan", "「行く。」と言った。"),
        ("zho_Hans", "“好。”他说。"),
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(language: str, text: str) -> None:
    assert texts(text, language) == [text]


def test_a_number_ends_a_sentence_where_ordinals_have_no_full_stop() -> None:
    assert texts("I am 25. You are 30.", "eng_Latn") == ["I am 25.", "You are 30."]


def test_a_long_sentence_is_divided_after_a_comma_or_a_word() -> None:
    assert [len(text) for text in texts("word, " * 40, "eng_Latn")] == [239]
    assert [s.text for s in split("one two, three four five", "eng_Latn", 14)] == ["one two,", "three four", "five"]


@pytest.mark.parametrize(
    ("language", "text", "longest"),
    [
        (
            "zho_Hans",
            "我们昨天下午在公园里散步的时候遇到了一位很久没有见面的老朋友他告诉我们他最近换了一份新的工作" * 16,
            83,
        ),
        ("zho_Hans", "是" * 750, 83),
        ("jpn_Jpan", "私は昨日友達と東京に行ってラーメンを食べました" * 32, 83),
        ("kor_Hang", "저는어제서울에가서친구를만났습니다" * 44, 125),
        ("tha_Thai", "ผมเป็นนักเรียนที่มหาวิทยาลัย" * 27, 250),
        ("eng_Latn", "a" * 750, 83),
        ("eng_Latn", "word " * 150, 250),
    ],
)
def test_text_without_punctuation_is_divided_into_pieces_that_models_can_translate(
    language: str, text: str, longest: int
) -> None:
    pieces = split(text, language)
    assert "".join(piece.text + piece.gap for piece in pieces) == text
    assert longest / 2 < max(len(piece.text) for piece in pieces) <= longest


def test_a_division_without_punctuation_is_between_words() -> None:
    words = ["我们", "昨天", "下午", "遇到", "老朋友"]
    text = "".join(words) * 20
    borders = {len("".join((words * 20)[:count])) for count in range(len(words) * 20 + 1)}
    ends = list(accumulate(len(piece) for piece in texts(text, "zho_Hans")))
    assert len(ends) > 2
    assert set(ends) <= borders


def test_divisions_stay_where_they_are_while_the_text_grows() -> None:
    text = "我们昨天下午在公园里散步的时候遇到了一位很久没有见面的老朋友" * 8
    for length in range(100, len(text), 7):
        grown, whole = texts(text[:length], "zho_Hans"), texts(text, "zho_Hans")
        assert grown[:-1] == whole[: len(grown) - 1]


@given(PROSE, LANGUAGES, st.integers(2, 60))
def test_no_character_is_lost_or_added_and_no_sentence_is_too_long(text: str, language: str, longest: int) -> None:
    sentences = split(text, language, longest)
    assert "".join(sentence.text + sentence.gap for sentence in sentences) == text
    for place, sentence in enumerate(sentences):
        assert len(sentence.text) <= longest
        assert not sentence.gap.strip()
        assert sentence.text == sentence.text.rstrip()
        if place:
            assert sentence.text == sentence.text.strip() != ""


def test_sentences_are_separated_as_in_the_target_language() -> None:
    assert separator("", "eng_Latn") == separator(" ", "eng_Latn") == " "
    assert separator(" ", "jpn_Jpan") == separator("", "zho_Hant") == ""
    assert separator("\n\n", "zho_Hans") == "\n\n"
