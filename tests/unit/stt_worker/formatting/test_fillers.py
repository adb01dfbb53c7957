"""Filler words in several languages."""

import pytest

from stt_worker.formatting.fillers import filler_edits
from stt_worker.formatting.pieces import apply_edits


def without_fillers(text: str, language: str) -> str:
    return apply_edits(text, filler_edits(text, language)).strip()


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Um, so I, uh, think that um we wait.", "So I, think that we wait."),
        ("en", "It was, er, erm, late.", "It was, late."),
        ("en", "Yes. Um. Uh, no.", "Yes. No."),
        ("en", 'He said "Uh, yes."', 'He said "Yes."'),
        ("en", "um so i went", "so i went"),
        ("en", "I think, um.", "I think."),
        ("en", "Um.", ""),
        ("de", "Ähm, ich gehe um acht, äh, los.", "Ich gehe um acht, los."),
        ("fr", "Euh, je veux, euh, bien.", "Je veux, bien."),
        ("es", "Eh, este libro, ehm, es mío.", "Este libro, es mío."),
        ("pt", "Ahn, não sei.", "Não sei."),
        ("it", "Ehm, non lo so.", "Non lo so."),
        ("ru", "Эм, я не знаю.", "Я не знаю."),
        ("ko", "음, 네.", "네."),
        ("es", "Ehm. Eh. Sí.", "Sí."),
        ("ko", "으음... 네.", "네."),
        ("zh", "嗯，我觉得，嗯，呃，可以。", "我觉得，可以。"),
        ("zh", "嗯我觉得可以", "我觉得可以"),
        ("yue", "呃，唔好意思。", "唔好意思。"),
        ("ja", "えーと、明日は、あのー、行きます。", "明日は、行きます。"),
    ],
)
def test_filler_words_are_removed_with_their_commas(language: str, text: str, expected: str) -> None:
    assert without_fillers(text, language) == expected


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "Uh-huh, the umbrella is in the ER, mm-hmm."),
        ("en", "Um?"),
        ("de", "Er kommt um acht."),
        ("es", "Este libro es mío, ¿eh?"),
        ("fr", "Il est heureux."),
        ("ja", "それでえーと来週"),
        ("ko", "음 하나"),
        ("zh", "嗯嗯，好的。他说嗯。我打呃，呃逆，嗯哼。"),
        ("yue", "呃佢"),
        ("nl", "Een ehbo-doos."),
        ("xx", "Um, yes."),
    ],
)
def test_words_with_a_meaning_stay(language: str, text: str) -> None:
    assert without_fillers(text, language) == text


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("zh", "嗯。"),
        ("zh", "嗯嗯"),
        ("zh", "嗯，呃。"),
        ("yue", "嗯。"),
        ("ko", "음."),
        ("es", "Eh."),
        ("sv", "Eh."),
        ("pt", "Hum."),
    ],
)
def test_a_filler_that_is_all_of_an_utterance_may_be_an_answer(language: str, text: str) -> None:
    assert without_fillers(text, language) == text
