"""The official Deepgram client in a conversation: turns, and their early ends."""

import asyncio
from typing import Any

import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.core.events import EventType
from deepgram.environment import DeepgramClientEnvironment

from backend.local.system import System
from tests.e2e.apis.conftest import error_percent
from tests.testkit.audio.clips import Clip

# The client uses names that websockets calls deprecated.
pytestmark = [pytest.mark.timeout(240), pytest.mark.filterwarnings("ignore::DeprecationWarning")]

MAX_ERROR_PERCENT = 25.0
CHUNK = 3_200  # 100 ms
# Longer than the eager threshold of 0.3 and shorter than the threshold of 0.9.
PAUSE_S = 0.4
OPTIONS: Any = {
    "model": "flux-general-en",
    "encoding": "linear16",
    "sample_rate": 16_000,
    "eager_eot_threshold": 0.3,
    "eot_threshold": 0.9,
}


@pytest.fixture
def client(system: System) -> AsyncDeepgramClient:
    http, socket = system.urls[0], system.urls[0].replace("http", "ws", 1)
    environment = DeepgramClientEnvironment(base=http, production=socket, agent=socket, agent_rest=http)
    return AsyncDeepgramClient(api_key="unused", environment=environment)


class Conversation:
    """One connection, and what the client received."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.messages: list[Any] = []
        connection.on(EventType.MESSAGE, self.messages.append)
        self._listening = asyncio.create_task(connection.start_listening())

    async def send(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), CHUNK):
            await self._connection.send_media(pcm[at : at + CHUNK])
            await asyncio.sleep(0.1)

    async def be_silent(self, seconds: float) -> None:
        await self.send(bytes(2 * round(seconds * 16_000)))

    async def wait_for(self, event: str, seconds: float) -> bool:
        """Wait until this is the last event."""
        for _ in range(round(20 * seconds)):
            if self.messages and getattr(self.messages[-1], "event", "") == event:
                return True
            await asyncio.sleep(0.05)
        return False

    def of(self, event: str) -> list[Any]:
        return [message for message in self.messages if getattr(message, "event", message.type) == event]

    async def close(self) -> None:
        await self._connection.send_close_stream()
        await asyncio.wait_for(self._listening, 60)


async def test_a_turn_that_seems_over_is_resumed_and_then_ends(
    client: AsyncDeepgramClient, english: list[Clip]
) -> None:
    first, second = english
    async with client.listen.v2.connect(**OPTIONS) as connection:
        conversation = Conversation(connection)
        # On a busy machine, the server submits no early finals. A later turn has another chance.
        spoken = ""
        for _ in range(3):
            await conversation.send(first.pcm().tobytes())
            await conversation.be_silent(PAUSE_S)
            # A longer stall would end the turn.
            seen = await conversation.wait_for("EagerEndOfTurn", 3)
            await conversation.send(second.pcm().tobytes())
            await conversation.be_silent(1.5)
            assert await conversation.wait_for("EndOfTurn", 30)
            spoken += f"{first.text} {second.text} "
            if seen:
                break
        await conversation.close()
    turns = [message for message in conversation.messages if message.type == "TurnInfo"]
    kinds = [message.event for message in turns]
    assert conversation.messages[0].type == "Connected"
    assert [message.sequence_id for message in conversation.messages] == list(range(len(conversation.messages)))
    assert kinds[0] == "StartOfTurn"
    assert "Update" in kinds
    assert "EagerEndOfTurn" in kinds
    assert "TurnResumed" in kinds
    eager = None
    for message in turns:
        if message.event == "EagerEndOfTurn":
            assert message.end_of_turn_confidence >= 0.3
            eager = message.transcript
        elif message.event == "TurnResumed":
            eager = None
        elif message.event == "EndOfTurn":
            assert eager in (None, message.transcript)
            eager = None
    end = conversation.of("EndOfTurn")[0]
    assert (end.turn_index, end.trigger, end.end_of_turn_confidence) == (0, "model", 0.9)
    text = " ".join(one.transcript for one in conversation.of("EndOfTurn"))
    assert error_percent(Clip(first.path, spoken, "en"), text) <= MAX_ERROR_PERCENT
    assert " ".join(word.word for word in end.words) == end.transcript
    assert all(0 <= word.start <= word.end <= end.audio_window_end and 0 < word.confidence <= 1 for word in end.words)


async def test_the_client_configures_and_ends_turns(client: AsyncDeepgramClient, english: list[Clip]) -> None:
    async with client.listen.v2.connect(**{**OPTIONS, "eot_threshold": 1.0, "eager_eot_threshold": None}) as connection:
        conversation = Conversation(connection)
        await connection.send_configure({"type": "Configure", "thresholds": {"eot_timeout_ms": 30_000}})
        await connection.send_configure({"type": "Configure", "thresholds": {"eot_threshold": 0.1}})
        await conversation.send(english[0].pcm().tobytes())
        await conversation.be_silent(1.5)
        assert conversation.of("EndOfTurn") == []
        await connection.send_force_end_turn()
        assert await conversation.wait_for("EndOfTurn", 30)
        await conversation.close()
    (end,) = conversation.of("EndOfTurn")
    assert end.trigger == "manual"
    assert error_percent(english[0], end.transcript) <= MAX_ERROR_PERCENT
    (success,), (failure,) = conversation.of("ConfigureSuccess"), conversation.of("ConfigureFailure")
    assert success.thresholds.eot_timeout_ms == 30_000
    assert failure.code == "INVALID_CONFIGURATION"


async def test_what_cannot_be_honoured_is_refused(client: AsyncDeepgramClient) -> None:
    with pytest.raises(ApiError) as caught:
        async with client.listen.v2.connect(**{**OPTIONS, "redact": "numbers"}):
            pass
    assert caught.value.status_code == 400
