"""The session log: a stream of the durable events of a session. The id of an entry is the cursor of its event."""

from collections.abc import AsyncIterator
from typing import cast

import structlog
from redis.asyncio import Redis

from backend.messages.jobs import ChannelMessage, decode_channel_message
from backend.streams.names import Shard

log = structlog.get_logger()

# Events per XRANGE. Redis runs no other command during the call, so a long log is read in pages.
PAGE = 100


async def read_log(redis: Redis, shard: Shard, session: str, cursor: str) -> AsyncIterator[ChannelMessage]:
    """Yield the durable events after `cursor` ("0-0": all), oldest first. Unreadable events are skipped."""
    while True:
        answer = await redis.xrange(shard.log(session), min=f"({cursor}", max="+", count=PAGE)
        entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", answer)
        for entry_id, fields in entries:
            try:
                message = decode_channel_message(entry_id + b" " + fields.get(b"e", b""))
            except ValueError as error:
                log.warning("unreadable_event_ignored", session=session, entry=entry_id.decode(), error=str(error))
                continue
            yield message
        if len(entries) < PAGE:
            return
        cursor = entries[-1][0].decode()
