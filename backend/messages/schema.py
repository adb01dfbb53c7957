"""The WebSocket protocol as JSON Schema. `python -m backend.messages.schema` prints it.

The output is committed as docs/reference/protocol.schema.json. The TypeScript types are generated from that file.
"""

import json
import sys
from typing import Any, get_args

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from backend.messages.protocol import ClientMessage, Message, ServerMessage

JsonObject = dict[str, Any]


class _AsSent(GenerateJsonSchema):
    """Marks fields as required that the receiver can rely on.

    `type` is always sent and null fields never are. Of the other fields, a client may omit those with a default; a
    server omits none.
    """

    def field_is_required(self, field: Any, total: bool) -> bool:
        if field["schema"]["type"] != "default":
            return super().field_is_required(field, total)
        inner = field["schema"]["schema"]
        is_tag = inner["type"] == "literal" and len(inner["expected"]) == 1
        return is_tag or (self.mode == "serialization" and inner["type"] != "nullable")

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False  # the default title of `start_ms`, "Start Ms", adds nothing


def protocol_schema() -> JsonObject:
    """Return the JSON Schema (2020-12). `$defs` has each message, `ClientMessage` and `ServerMessage`."""
    clients, servers = _members(ClientMessage), _members(ServerMessage)
    _, schema = models_json_schema(
        [(message, "validation") for message in clients] + [(message, "serialization") for message in servers],
        schema_generator=_AsSent,
    )
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "AnyMessage",
        "description": "Text frames of the WebSocket /v1/stream.",
        "oneOf": [{"$ref": "#/$defs/ClientMessage"}, {"$ref": "#/$defs/ServerMessage"}],
        "$defs": {**schema["$defs"], "ClientMessage": _union(clients), "ServerMessage": _union(servers)},
    }


def protocol_schema_json() -> str:
    """Return the text of the committed file."""
    return json.dumps(protocol_schema(), indent=2) + "\n"


def _members(union: Any) -> tuple[type[Message], ...]:
    return get_args(get_args(union)[0])


def _union(messages: tuple[type[Message], ...]) -> JsonObject:
    return {"oneOf": [{"$ref": f"#/$defs/{message.__name__}"} for message in messages]}


if __name__ == "__main__":
    sys.stdout.write(protocol_schema_json())
