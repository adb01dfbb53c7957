"""Hotwords of sessions and of API keys."""

import pytest

from backend.text.vocabulary import add_hotwords, divided_hotwords, join_hotwords


def test_words_are_joined_once_whatever_separates_them() -> None:
    assert join_hotwords(["Nova  Voice,gRPC", "grpc; Redis", "热词、语音"]) == "Nova Voice, gRPC, Redis, 热词, 语音"
    assert join_hotwords(["", " , "]) == ""


def test_the_words_of_a_session_come_first_and_none_is_repeated() -> None:
    assert add_hotwords("Redis, grpc", "Nova Voice, gRPC") == "Redis, grpc, Nova Voice"
    assert add_hotwords("", "Nova Voice, gRPC") == "Nova Voice, gRPC"
    assert add_hotwords("Redis", "") == "Redis"


def test_hotwords_are_divided_at_commas_or_spaces() -> None:
    assert divided_hotwords("Anna  Bertil") == ["Anna", "Bertil"]
    assert divided_hotwords("Nova  Voice, Redis,") == ["Nova Voice", "Redis"]
    assert divided_hotwords("热词、语音") == ["热词", "语音"]
    assert divided_hotwords(" ") == divided_hotwords(",") == []


@pytest.mark.parametrize(
    ("own", "stored", "terms"),
    [
        ("Anna Bertil", "Clara", ["Anna", "Bertil", "Clara"]),
        ("anna Bertil", "Anna", ["anna", "Bertil"]),
        ("Nova Voice", "Nova Voice", ["Nova", "Voice", "Nova Voice"]),
        ("", "Nova Voice", ["Nova Voice"]),
        (" ", "Redis", ["Redis"]),
        ("Nova Voice,", "Redis", ["Nova Voice", "Redis"]),
        ("Nova Voice; Anna Bertil", "Clara", ["Nova Voice", "Anna Bertil", "Clara"]),
        ("", "Nova Voice, gRPC", ["Nova Voice", "gRPC"]),
    ],
)
def test_the_words_of_a_key_leave_those_of_a_session_as_they_are(own: str, stored: str, terms: list[str]) -> None:
    assert divided_hotwords(add_hotwords(own, stored)) == terms
