"""Describe why a message is invalid in the words of the protocol, because pydantic's are those of Python. Pure."""

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

_LANGUAGE_LISTS = ("languages", "translate_to")
# By pydantic's type of error (https://docs.pydantic.dev/latest/errors/validation_errors/).
_DESCRIPTIONS: Mapping[str, str] = {
    "missing": "is required",
    "tuple_type": "must be a list",
    "string_type": "must be a string",
    "string_unicode": "must be Unicode text",
    "string_too_long": "may have at most {max_length} characters",
    "string_pattern_mismatch": "must match the pattern {pattern}",
    "too_long": "may have at most {max_length} entries",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "value_error": "is invalid: {error}",
}


def describe_first_problem(error: ValidationError) -> str:
    """The first problem of a message as a sentence, such as "translate_to must be a list of language codes"."""
    first = error.errors(include_url=False, include_input=False)[0]
    # The first part of the place is the type of the message.
    field = [str(part) for part in first["loc"][1:] if isinstance(part, str)]
    name, is_entry = ".".join(field), not isinstance(first["loc"][-1], str)
    if name in _LANGUAGE_LISTS and (is_entry or first["type"] == "tuple_type"):
        return f"{name} must be a list of language codes"
    return f"{name} {_description(first['type'], first.get('ctx', {}), first['msg'])}"


def _description(kind: str, context: Mapping[str, Any], message: str) -> str:
    found = _DESCRIPTIONS.get(kind)
    return f"is invalid: {message}" if found is None else found.format_map(context)
