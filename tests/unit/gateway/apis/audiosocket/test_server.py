"""The port of AudioSocket opens only if its calls are safe and their text has a receiver."""

import pytest

from backend.errors import SetupError
from gateway.apis.audiosocket.server import check_audiosocket
from gateway.settings import GatewaySettings

HOOK = "http://127.0.0.1:9/events"


def settings(**given: object) -> GatewaySettings:
    return GatewaySettings.model_validate({"audiosocket_port": 9_092, "auth": "auto", "call_webhook": HOOK, **given})


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"call_webhook": ""}, "GATEWAY_CALL_WEBHOOK"),
        ({"auth": "keys"}, "GATEWAY_AUDIOSOCKET_KEY"),
        ({"audiosocket_host": "0.0.0.0"}, "GATEWAY_AUDIOSOCKET_KEY"),
        ({"audiosocket_options": "events=email"}, "GATEWAY_AUDIOSOCKET_OPTIONS"),
        ({"audiosocket_options": "webhook=https://example.com/events"}, "GATEWAY_CALLBACK_ENABLED"),
        ({"audiosocket_options": "tracks=left"}, "GATEWAY_AUDIOSOCKET_OPTIONS"),
    ],
)
def test_a_port_that_would_be_unsafe_or_useless_is_not_opened(given: dict[str, object], name: str) -> None:
    with pytest.raises(SetupError, match=name):
        check_audiosocket(settings(**given))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"audiosocket_port": 0, "call_webhook": ""},
        {"auth": "keys", "audiosocket_key": "nova_key"},
        {"call_webhook": "", "callback_enabled": True, "audiosocket_options": "webhook=https://example.com/events"},
        {"call_webhook": "", "audiosocket_options": "room=calls"},
        {"audiosocket_options": "language=en&translate_to=es,fr&hotwords=Nova"},
    ],
)
def test_a_port_that_is_safe_is_opened(given: dict[str, object]) -> None:
    check_audiosocket(settings(**given))
