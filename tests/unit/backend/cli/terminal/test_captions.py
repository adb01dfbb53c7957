"""Captions in the terminal: committed words, and lines that do not change any more."""

from backend.cli.terminal.captions import Captions
from backend.messages.protocol import Translation
from tests.testkit.streams.jobs import final, partial


def test_committed_words_are_bright_and_tentative_ones_dim() -> None:
    captions = Captions()
    assert captions.apply_event(partial(1, "The quick", " brown")) is None
    assert captions.current.plain == "The quick brown"
    assert [(span.start, span.end, span.style) for span in captions.current.spans] == [(9, 15, "dim")]


def test_a_final_becomes_a_line_and_clears_the_current_utterance() -> None:
    captions = Captions()
    captions.apply_event(partial(1, "The quick", " brown"))
    line = captions.apply_event(final(1, "The quick brown fox."))
    assert line is not None
    assert line.plain == "The quick brown fox."
    assert captions.current.plain == ""


def test_a_late_final_keeps_the_next_utterance_on_the_screen() -> None:
    captions = Captions()
    captions.apply_event(partial(2, "", "And then"))
    captions.apply_event(final(1, "First."))
    assert captions.current.plain == "And then"


def test_an_empty_final_clears_the_utterance_and_adds_no_line() -> None:
    captions = Captions()
    captions.apply_event(partial(1, "", "Uh"))
    assert captions.apply_event(final(1, "")) is None
    assert captions.current.plain == ""


def test_only_final_translations_become_lines() -> None:
    captions = Captions()
    assert captions.apply_event(Translation(utterance=1, language="es", text="Ho", is_final=False)) is None
    line = captions.apply_event(Translation(utterance=1, language="es", text="Hola.", is_final=True))
    assert line is not None
    assert line.plain == "  es: Hola."
