"""The durable log of a session: what was said, in order, each event with its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import structlog
from redis.asyncio import Redis

from backend.messages.jobs import ChannelMessage, decode_channel_message
from backend.streams.names import Shard

log = structlog.get_logger()

PAGE = 100
"""Events read at once."""


async def read_after(redis: Redis, shard: Shard, session: str, cursor: str) -> AsyncIterator[ChannelMessage]:
    """The durable events after `cursor` ("0-0" for all), oldest first, as many as can be read."""
    while True:
        answer = await redis.xrange(shard.log(session), min=f"({cursor}", max="+", count=PAGE)
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", answer)
        for entry_id, fields in entries:
            try:
                live = decode_channel_message(entry_id + b" " + fields.get(b"e", b""))
            except ValueError as error:
                log.warning("unreadable_event_ignored", session=session, entry=entry_id.decode(), error=str(error))
                continue
            yield live
        if len(entries) < PAGE:
            return
        cursor = entries[-1][0].decode()
