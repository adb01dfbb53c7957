"""Text that repeats the prompt must be probable without it."""

import pytest

from stt_worker.guards.bias import is_prompted, logprob_without_prompt
from stt_worker.recognizers.recognizer import RecognizedWord

HOTWORDS = "OAuth, Kubernetes, gRPC"


@pytest.mark.parametrize(
    ("text", "prompt", "expected"),
    [
        ("OAuth, OAuth, OAuth", HOTWORDS, True),
        ("Kubernetes.", HOTWORDS, True),
        ("We deploy it with Kubernetes and a lot of patience.", HOTWORDS, False),
        ("Good morning.", HOTWORDS, False),
        ("OAuth", "", False),
        ("...", HOTWORDS, False),
        ("", HOTWORDS, False),
    ],
)
def test_text_is_prompted_if_most_of_it_is_in_the_prompt(text: str, prompt: str, expected: bool) -> None:
    assert is_prompted(text.split(), prompt) is expected


def test_scripts_without_spaces_are_compared_by_character() -> None:
    assert is_prompted(list("今天天气"), "明天和今天的天气。")


def test_the_probability_of_a_repeated_word_counts_once() -> None:
    words = [RecognizedWord(" OAuth,", 0, 1, 0.1, -7.0), *[RecognizedWord(" OAuth,", 1, 2, 0.9, -0.1)] * 9]
    assert logprob_without_prompt(words) == -7.0
    assert logprob_without_prompt([RecognizedWord(" ...", 0, 1, 0.1, -7.0)]) is None
