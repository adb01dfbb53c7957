"""Spoken numbers in several languages, and their units."""

import pytest

from stt_worker.formatting.formatter import Formatter

# Between a number and a sign after it.
S = "\u00a0"


def in_digits(text: str, language: str) -> str:
    return Formatter(["numerals"], language).complete(text)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "I have twenty-five cows and one hundred and one dogs.", "I have 25 cows and 101 dogs."),
        ("en", "It was nineteen eighty-four, not twenty twenty-six.", "It was 1984, not 2026."),
        ("en", "The twenty-first of May, three point one four.", "The 21st of May, 3.14."),
        ("en", "Call nine one one, or zero seven nine.", "Call 9 1 1, or 07 9."),
        ("en", "Five percent of 200 dollars and fifty cents.", "5% of $200.50."),
        ("en", "one point five million dollars", "$1.5 million"),
        ("en", "fifteen second delay, thirty seconds", "15 second delay, 30 seconds"),
        ("en", "A hundred and fifty people, a thousand two hundred, a thousand and one.", "150 people, 1200, 1001."),
        ("en", "the two hundredth, July fourth twenty twenty", "the 200th, July 4th 2020"),
        ("en", "In fourteen ninety-two and by twenty thirty.", "In 1492 and by 2030."),
        ("de", "Im Jahr neunzehnhundertvierundachtzig.", "Im Jahr 1984."),
        ("de", "drei Komma fünf Prozent von zwanzig Euro", f"3,5{S}% von 20{S}€"),
        ("fr", "vingt-cinq pour cent, cent pour cent, vingt et un euros", f"25{S}%, 100{S}%, 21{S}€"),
        ("fr", "zéro six douze trente-quatre", "06 12 34"),
        ("es", "veinticinco por ciento, treinta y un días", f"25{S}%, 31 días"),
        ("es", "veinticinco millones de euros", "25 millones de euros"),
        ("it", "trentatré per cento", "33%"),
        ("pt", "vinte e cinco vírgula quarenta por cento", "25,40%"),
        ("nl", "vijfentwintig procent", "25%"),
        ("da", "femogtyve procent", f"25{S}%"),
    ],
)
def test_spoken_numbers_are_written_in_digits(language: str, text: str, expected: str) -> None:
    assert in_digits(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "One of them, no one, second to none, first of all, nine to five."),
        ("en", "A hundred people, thousands of birds, five million, 2 hundred fifty."),
        ("en", "At ten fifteen, on the twenty-second floor, in nineteen oh five."),
        ("en", "Two hundredths of a second, ninety nine hundredths, one hundredth, one tenth, one twentieth."),
        (
            "en",
            "Fifteen sixteen years old, twenty thirty people, a fifteen twenty minute talk, in fifteen twenty minutes.",
        ),
        ("en", "At eighteen forty five, on July twenty second, seven thirty, nine eleven."),
        ("en", "The nineteen eighties, twenty four seven, two million five hundred thousand."),
        ("de", "Ein Haus und eine Frau, der erste Mann, am zwanzigsten."),
        ("fr", "Un livre neuf, mille fois."),
        ("es", "Mil gracias, uno de ellos, la segunda guerra."),
        ("es", "Dos millones de euros, un millón, mil millones, dos millones quinientos mil, un billón."),
        ("pt", "Dois milhões de euros, um milhão, um bilhão, um bilião."),
        ("fr", "Un milliard deux cents millions."),
        ("it", "Mille grazie, tu sei bello."),
        ("pt", "Na segunda-feira, um homem."),
        ("nl", "Een man."),
        ("zh", "三百二十五个人"),
        ("ru", "двадцать пять"),
    ],
)
def test_words_that_may_be_no_numbers_and_other_languages_stay(language: str, text: str) -> None:
    assert in_digits(text, language) == text


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "On May third, nineteen eighty-four.", "On May 3rd, 1984."),
        (
            "en",
            "March first, the second of May, the twenty second of July",
            "March 1st, the 2nd of May, the 22nd of July",
        ),
        ("de", "am dritten Mai neunzehnhundertvierundachtzig, der erste Januar", "am 3. Mai 1984, der 1. Januar"),
        ("fr", "le premier janvier, le trois mai deux mille vingt", "le 1er janvier, le 3 mai 2020"),
        ("es", "el tres de mayo de dos mil veinte", "el 3 de mayo de 2020"),
        ("it", "il primo gennaio, il tre maggio", "il 1º gennaio, il 3 maggio"),
        ("pt", "primeiro de janeiro, três de maio", "1º de janeiro, 3 de maio"),
        ("nl", "op drie mei tweeduizend twintig", "op 3 mei 2020"),
        ("da", "den tredje maj", "den 3. maj"),
    ],
)
def test_days_of_a_month_are_written_in_digits(language: str, text: str, expected: str) -> None:
    assert in_digits(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "We may first try, they march first, the first of many, one of March, May second."),
        ("de", "Zum ersten Mal, drei Mai, der dritte Mann."),
        ("fr", "Un mai ensoleillé, trois fois."),
        ("es", "Uno de mayo, tres de ellos."),
        ("nl", "Een mei, de eerste mei."),
        ("it", "Il primo giorno."),
    ],
)
def test_small_numbers_that_are_no_days_stay(language: str, text: str) -> None:
    assert in_digits(text, language) == text


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "twenty million yen, fifty pounds sterling, fifty pounds", "¥20 million, £50, 50 pounds"),
        ("de", "fünfzig Dollar, hundertzwanzig Yen", f"50{S}$, 120{S}¥"),
        ("fr", "cinquante dollars", f"50{S}$"),
        ("it", "venti sterline", f"20{S}£"),
        ("pt", "vinte reais, cinquenta dólares", f"R${S}20, 50 dólares"),
        ("es", "cincuenta dólares", "50 dólares"),
    ],
)
def test_signs_of_currencies_are_where_the_language_writes_them(language: str, text: str, expected: str) -> None:
    assert in_digits(text, language) == expected


def test_letters_that_are_the_same_in_another_case_are_a_unit() -> None:
    assert in_digits("5 dollarſ", "en") == "$5"
