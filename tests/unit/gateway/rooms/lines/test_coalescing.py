"""Speech in progress is left out when a gateway is behind."""

from backend.messages.jobs import ChannelMessage
from backend.messages.rooms.captions import Caption
from gateway.rooms.lines.coalescing import without_superseded


def message(text: str, line: str = "a-1", *, final: bool = False, into: str = "") -> ChannelMessage:
    caption = Caption(line=line, text=text, language=into or "en", is_translation=bool(into), is_final=final)
    return ChannelMessage("1-0" if final else None, caption)


def kept(*messages: ChannelMessage) -> list[str]:
    return [one.event.text for one in without_superseded(messages) if isinstance(one.event, Caption)]


def test_later_text_of_a_line_replaces_speech_in_progress() -> None:
    assert kept(message("o"), message("on"), message("One.", final=True)) == ["One."]
    assert kept(message("o"), message("on")) == ["on"]
    assert kept(message("o")) == ["o"]


def test_finals_are_never_left_out() -> None:
    first, second = message("One.", final=True), message("Two.", final=True)
    assert kept(first, second, message("on")) == ["One.", "Two.", "on"]


def test_lines_and_languages_are_apart() -> None:
    assert kept(message("o"), message("u", into="es"), message("e", into="de"), message("t", "a-2")) == list("ouet")
    assert kept(message("u", into="es"), message("un", into="es"), message("On.", final=True)) == ["un", "On."]
