"""Hotwords of sessions and of API keys."""

from backend.text.vocabulary import add_hotwords, join_hotwords


def test_words_are_joined_once_whatever_separates_them() -> None:
    assert join_hotwords(["Nova  Voice,gRPC", "grpc; Redis", "热词、语音"]) == "Nova Voice, gRPC, Redis, 热词, 语音"
    assert join_hotwords(["", " , "]) == ""


def test_the_words_of_a_session_come_first_and_none_is_repeated() -> None:
    assert add_hotwords("Redis, grpc", "Nova Voice, gRPC") == "Redis, grpc, Nova Voice"
    assert add_hotwords("", "Nova Voice, gRPC") == "Nova Voice, gRPC"
    assert add_hotwords("Redis", "") == "Redis"
