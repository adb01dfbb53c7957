"""Reads a multipart form (RFC 7578) while it arrives. Its file is written to disk once."""

from collections.abc import Callable
from typing import IO, Any

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from gateway.apis.errors import InvalidRequestError

# A form has one file and some options.
MAX_FIELDS, MAX_FIELD_BYTES = 100, 1 << 16
# Names and values of the headers of a part. Two short ones are usual.
MAX_HEADER_BYTES = 4_096


class FormReader:
    """The text fields of a form, and one file, which is written to `file`.

    Raises InvalidRequestError for invalid forms.
    """

    def __init__(self, content_type: str, file_field: str, file: IO[bytes]) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data":
            raise InvalidRequestError("the body must be multipart/form-data", code="invalid_content_type", status=415)
        if not (boundary := options.get(b"boundary")):
            raise _invalid("the form has no boundary")
        self._file_field, self._file = file_field, file
        # The parts do not refer to the parser: a cycle would keep the blocks of a body until a full garbage collection.
        self._parts = _Parts(file)
        try:
            self._parser = MultipartParser(boundary, self._parts.callbacks())
        except FormParserError:
            raise _invalid("the boundary of the form is too long") from None

    @property
    def fields(self) -> dict[str, list[str]]:
        """The values by name. They are lists, because fields may be repeated."""
        return self._parts.fields

    def write(self, block: bytes) -> None:
        """Take the next block of the body."""
        try:
            self._parser.write(block)
        except FormParserError:
            raise _invalid("the form is not valid multipart/form-data") from None

    def finish(self) -> None:
        """The body is complete. Raises InvalidRequestError without the file."""
        if not (self._parts.has_file and self._parts.file_name == self._file_field):
            message = f"missing file: {self._file_field}"
            raise InvalidRequestError(message, code="missing_required_parameter", param=self._file_field)
        self._file.flush()


class _Parts:
    """The parts of a form, as the parser reports them."""

    def __init__(self, file: IO[bytes]) -> None:
        self.fields: dict[str, list[str]] = {}
        # The name of the file's part, once it has begun, and whether it has ended.
        self.file_name: str | None = None
        self.has_file = False
        self._file, self._count = file, 0
        self._begin_part()

    def callbacks(self) -> Any:
        """The functions that the parser calls."""
        return {
            "on_part_begin": self._begin_part,
            "on_header_field": _sliced(self._add_to_header),
            "on_header_value": _sliced(self._add_to_value),
            "on_header_end": self._end_header,
            "on_headers_finished": self._begin_data,
            "on_part_data": _sliced(self._add_data),
            "on_part_end": self._end_part,
        }

    def _begin_part(self) -> None:
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._header_bytes = 0
        self._name, self._text, self._is_file = "", bytearray(), False

    def _add_to_header(self, data: bytes) -> None:
        self._count_header(data)
        self._header += data

    def _add_to_value(self, data: bytes) -> None:
        self._count_header(data)
        self._value += data

    def _count_header(self, data: bytes) -> None:
        self._header_bytes += len(data)
        if self._header_bytes > MAX_HEADER_BYTES:
            raise _invalid("the headers of a part are too long")

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _begin_data(self) -> None:
        _, options = parse_options_header(self._disposition)
        if b"name" not in options:
            raise _invalid("a part of the form has no name")
        self._name, self._is_file = _text(options[b"name"]), b"filename" in options
        if self._is_file and self.file_name is not None:
            raise _invalid("the form has more than one file")
        if self._is_file:
            self.file_name = self._name
        self._count += 1
        if self._count > MAX_FIELDS:
            raise _invalid(f"the form has more than {MAX_FIELDS} fields")

    def _add_data(self, data: bytes) -> None:
        if self._is_file:
            self._file.write(data)
            return
        self._text += data
        if len(self._text) > MAX_FIELD_BYTES:
            raise _invalid(f"a field exceeds {MAX_FIELD_BYTES >> 10} KiB", self._name)

    def _end_part(self) -> None:
        if self._is_file:
            self.has_file = True
        else:
            self.fields.setdefault(self._name.removesuffix("[]"), []).append(_text(self._text))


def _sliced(take: Callable[[bytes], None]) -> Callable[[bytes, int, int], None]:
    return lambda data, start, end: take(data[start:end])


def _text(data: bytes | bytearray) -> str:
    """UTF-8, or Latin-1 if it is not valid."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _invalid(message: str, field: str | None = None) -> InvalidRequestError:
    return InvalidRequestError(message, code="invalid_form", param=field)
