"""Multipart forms, in blocks of any size."""

import gc
import io
import weakref

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.apis.errors import InvalidRequestError
from gateway.apis.form_reader import MAX_FIELD_BYTES, MAX_FIELDS, MAX_HEADER_BYTES, FormReader

KIND = "multipart/form-data; boundary=b"
FILE = b"RIFF\r\n--\r\n\0\xff"


def part(name: str, data: bytes, headers: str = "", filename: str | None = None) -> bytes:
    """A part of a form."""
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{headers}\r\n'
    return head.encode() + data + b"\r\n"


UPLOAD = part("file", FILE, "Content-Type: audio/wav\r\n", filename="a.wav")
END = b"--b--\r\n"


def read(body: bytes, kind: str = KIND, size: int = 1 << 16) -> tuple[dict[str, list[str]], bytes]:
    """The fields and the file of a form that arrives in blocks of this size."""
    file = io.BytesIO()
    reader = FormReader(kind, "file", file)
    for at in range(0, len(body), size):
        reader.write(body[at : at + size])
    reader.finish()
    return reader.fields, file.getvalue()


@given(st.integers(1, 500), st.booleans())
def test_fields_and_the_file_arrive_in_any_order_and_in_blocks_of_any_size(size: int, file_first: bool) -> None:
    fields = part("model", b"whisper-1") + part("include[]", b"a") + part("include[]", b"b") + part("prompt", b"")
    parts = UPLOAD + fields if file_first else fields + UPLOAD
    expected = {"model": ["whisper-1"], "include": ["a", "b"], "prompt": [""]}
    assert read(parts + END, size=size) == (expected, FILE)


def test_text_is_utf8_or_latin1() -> None:
    fields, _ = read(part("a", "é".encode()) + part("b", b"\xe9") + UPLOAD + END)
    assert fields == {"a": ["é"], "b": ["é"]}


INVALID = {
    "another type": (UPLOAD + END, "application/json", "invalid_content_type"),
    "no type": (UPLOAD + END, "", "invalid_content_type"),
    "no boundary": (UPLOAD + END, "multipart/form-data", "invalid_form"),
    "a long boundary": (UPLOAD + END, f"multipart/form-data; boundary={'b' * 1_000}", "invalid_form"),
    "no form": (b"garbage", KIND, "invalid_form"),
    "no parts": (END, KIND, "missing_required_parameter"),
    "an empty body": (b"", KIND, "missing_required_parameter"),
    "a file in another field": (part("audio", FILE, filename="a.wav") + END, KIND, "missing_required_parameter"),
    "the file as text": (part("file", FILE) + END, KIND, "missing_required_parameter"),
    "an incomplete file": (UPLOAD[:-4], KIND, "missing_required_parameter"),
    "two files": (UPLOAD + UPLOAD + END, KIND, "invalid_form"),
    "a part without a name": (b"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n" + END, KIND, "invalid_form"),
    "many fields": (part("a", b"") * (MAX_FIELDS + 1) + UPLOAD + END, KIND, "invalid_form"),
    "a long field": (part("a", bytes(MAX_FIELD_BYTES + 1)) + UPLOAD + END, KIND, "invalid_form"),
    "a long header": (part("a", b"", f"X: {'x' * MAX_HEADER_BYTES}\r\n") + UPLOAD + END, KIND, "invalid_form"),
    "many headers": (part("a", b"", "X: y\r\n" * MAX_HEADER_BYTES) + UPLOAD + END, KIND, "invalid_form"),
}


@pytest.mark.parametrize(("body", "kind", "code"), INVALID.values(), ids=INVALID)
def test_invalid_forms_are_refused(body: bytes, kind: str, code: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        read(body, kind)
    assert refused.value.code == code


def test_forms_within_the_limits_are_accepted() -> None:
    fields = part("a", b"") * (MAX_FIELDS - 2) + part("b", bytes(MAX_FIELD_BYTES), f"X: {'x' * 3_000}\r\n")
    found, file = read(fields + UPLOAD + END)
    assert (len(found["a"]), len(found["b"][0]), file) == (MAX_FIELDS - 2, MAX_FIELD_BYTES, FILE)


def test_memory_is_released_without_garbage_collection() -> None:
    file = io.BytesIO()
    reader = FormReader(KIND, "file", file)
    reader.write(UPLOAD)
    gone = weakref.ref(reader._parts)
    gc.disable()
    try:
        del reader
        assert gone() is None
    finally:
        gc.enable()
