"""The Lua scripts: each is one step that either happens or does not, whoever dies meanwhile."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from backend.service.settings import ServiceSettings
from backend.streams.names import STT_GROUP, Shard


def script(*parts: str) -> str:
    """The source of a script, made of parts."""
    return "".join(files(__package__).joinpath(f"{part}.lua").read_text() for part in parts)


class Script:
    """One that commits to a session, ready to run."""

    def __init__(self, redis: Redis, name: str, settings: ServiceSettings) -> None:
        self._script: AsyncScript = redis.register_script(script("common", name))
        self._ttl, self._cap = settings.session_ttl_s, settings.log_cap

    async def run(
        self, shard: Shard, session: str, group: str, operation: str, *arguments: str | int | bytes, cap: int = 0
    ) -> Any:
        """What the script answers. `group` says which jobs and dead letters are meant; `cap` overrides the log's."""
        lane = shard.audio("final") if group == STT_GROUP else shard.transcripts("final")
        keys = (
            lane,
            shard.transcripts("final"),
            shard.session(session),
            shard.log(session),
            shard.dead(group),
            shard.events(session),
        )
        return await self._script(keys=keys, args=[operation, self._ttl, cap or self._cap, *arguments])
