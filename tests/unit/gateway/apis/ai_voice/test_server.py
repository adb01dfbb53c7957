"""Message buses are used only if their clients have a key where one is required."""

import pytest

from backend.errors import SetupError
from gateway.apis.ai_voice.server import check_ai_voice
from gateway.settings import GatewaySettings

LOCAL, REMOTE = "redis://127.0.0.1:6380/0", "redis://bus.example:6379/0"
BOTH = "nats://127.0.0.1:4222, nats://bus.example:4222"


def settings(**given: object) -> GatewaySettings:
    return GatewaySettings.model_validate({"auth": "auto", **given})


@pytest.mark.parametrize(
    "given",
    [
        {"ai_voice_redis": LOCAL, "auth": "keys"},
        {"ai_voice_redis": LOCAL, "host": "0.0.0.0"},
        {"ai_voice_redis": REMOTE},
        {"ai_voice_nats": "bus.example"},
        {"ai_voice_nats": BOTH},
    ],
)
def test_clients_without_a_key_do_not_reach_a_gateway_that_requires_one(given: dict[str, object]) -> None:
    with pytest.raises(SetupError, match="GATEWAY_AI_VOICE_KEY"):
        check_ai_voice(settings(**given))


@pytest.mark.parametrize(
    "given",
    [
        {"auth": "keys"},
        {"ai_voice_redis": LOCAL, "ai_voice_nats": "nats://localhost"},
        {"ai_voice_redis": "unix:///run/redis.sock"},
        {"ai_voice_redis": REMOTE, "ai_voice_key": "nova_key", "auth": "keys"},
        {"ai_voice_nats": BOTH, "auth": "none"},
    ],
)
def test_a_bus_that_is_safe_is_used(given: dict[str, object]) -> None:
    check_ai_voice(settings(**given))


@pytest.mark.parametrize("address", ["http://127.0.0.1", "redis+cluster://127.0.0.1:7000"])
def test_an_address_that_cannot_be_a_bus_is_an_error(address: str) -> None:
    with pytest.raises(SetupError, match="GATEWAY_AI_VOICE_REDIS"):
        check_ai_voice(settings(ai_voice_redis=address))
