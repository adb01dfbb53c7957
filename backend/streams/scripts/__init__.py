"""Lua scripts. Redis runs each one atomically; its header describes keys, arguments and answers.

Every process loads the scripts of its own release, so arguments and answers may change between releases. Keys and
fields in Redis may not: processes of two releases share them during a rolling upgrade.
"""

from importlib.resources import files
from typing import Any, Literal

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.messages.jobs import StreamKind
from backend.service.settings import ServiceSettings
from backend.streams.names import Shard


def load_script(*names: str) -> str:
    """The source of the named scripts, joined."""
    return "".join(files(__package__).joinpath(f"{name}.lua").read_text() for name in names)


class SessionScript:
    """commit.lua or session.lua, with the keys and limits that common.lua expects."""

    def __init__(self, redis: Redis, name: Literal["commit", "session"], settings: ServiceSettings) -> None:
        self._script: AsyncScript = redis.register_script(load_script("common", name))
        self._limits = (settings.session_ttl_s, settings.log_cap, settings.dead_cap)

    async def run(
        self,
        shard: Shard,
        session: str,
        group: str,
        operation: str,
        *arguments: str | int | bytes,
        kind: StreamKind = "final",
    ) -> Any:
        """Run an operation on a session, and on a stream and the dead letters of a group; returns the answer."""
        keys = (
            shard.jobs(group, kind),
            shard.transcripts("final"),
            shard.session(session),
            shard.log(session),
            shard.dead(group),
            shard.events(session),
            shard.transcripts("recording"),
        )
        return await self._script(keys=keys, args=[operation, *self._limits, *arguments])
