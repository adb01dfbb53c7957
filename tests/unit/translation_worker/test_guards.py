import pytest
from hypothesis import given
from hypothesis import strategies as st

from translation_worker.guards import has_loop, max_tokens, without_loops


@pytest.mark.parametrize(
    "text",
    [
        "I know. I know. I know.",
        "no no no no",
        "So it was, and so it was, and so it was, and so it was",
        "我知道我知道我知道",
        "好好好好",
        "ไปทะเลไปทะเลไปทะเล",
        "We go to the sea, to the sea, To The Sea!",
    ],
)
def test_a_repeated_phrase_is_a_loop(text: str) -> None:
    assert has_loop(text)


@pytest.mark.parametrize(
    "text", ["", "No, no, no!", "Bye bye.", "that that is, is", "谢谢谢", "He had had it. He had."]
)
def test_emphasis_is_not_a_loop(text: str) -> None:
    assert not has_loop(text)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Well, I know. I know. I know. And you?", "Well, I know. And you?"),
        ("我知道我知道我知道。", "我知道。"),
        ("no no no no", "no"),
        ("nothing to do", "nothing to do"),
    ],
)
def test_one_round_of_a_loop_is_kept(text: str, left: str) -> None:
    assert without_loops(text) == left


@given(st.text(st.sampled_from("ab 我."), max_size=60))
def test_removing_loops_leaves_none_and_changes_no_other_text(text: str) -> None:
    tamed = without_loops(text)
    assert not has_loop(tamed)
    assert (tamed == text) is not has_loop(text)


def test_a_translation_may_be_longer_than_its_source() -> None:
    assert max_tokens(1) >= 30
    assert max_tokens(100) in range(200, 400)
