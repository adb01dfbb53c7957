"""The wire protocol as JSON Schema: `python -m backend.messages.schema` prints it.

docs/reference/protocol.schema.json is its output, and the page's TypeScript types are generated from that file.
"""

from __future__ import annotations

import json
import sys
from typing import Any, get_args

from pydantic.json_schema import GenerateJsonSchema, models_json_schema

from backend.messages.protocol import ClientMessage, Message, ServerMessage

JsonObject = dict[str, Any]


class _AsSent(GenerateJsonSchema):
    """Required is what the receiver may rely on: `type` always travels, what is null never does.

    Else a client may leave out what has a default, and a server leaves out nothing.
    """

    def field_is_required(self, field: Any, total: bool) -> bool:
        if field["schema"]["type"] != "default":
            return super().field_is_required(field, total)
        inner = field["schema"]["schema"]
        is_tag = inner["type"] == "literal" and len(inner["expected"]) == 1
        return is_tag or (self.mode == "serialization" and inner["type"] != "nullable")

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Fields keep their names: "Start Ms" beside `start_ms` says nothing."""
        return False


def protocol_schema() -> JsonObject:
    """JSON Schema (2020-12): every message under `$defs`, and the unions `ClientMessage` and `ServerMessage`."""
    clients, servers = _members(ClientMessage), _members(ServerMessage)
    _, schema = models_json_schema(
        [(message, "validation") for message in clients] + [(message, "serialization") for message in servers],
        schema_generator=_AsSent,
    )
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "AnyMessage",
        "description": "What travels as text frames on the WebSocket /v1/stream.",
        "oneOf": [{"$ref": "#/$defs/ClientMessage"}, {"$ref": "#/$defs/ServerMessage"}],
        "$defs": {**schema["$defs"], "ClientMessage": _union(clients), "ServerMessage": _union(servers)},
    }


def protocol_schema_json() -> str:
    """The schema as the committed file holds it."""
    return json.dumps(protocol_schema(), indent=2) + "\n"


def _members(union: Any) -> tuple[type[Message], ...]:
    """The classes of an annotated union."""
    return get_args(get_args(union)[0])


def _union(messages: tuple[type[Message], ...]) -> JsonObject:
    return {"oneOf": [{"$ref": f"#/$defs/{message.__name__}"} for message in messages]}


if __name__ == "__main__":
    sys.stdout.write(protocol_schema_json())
