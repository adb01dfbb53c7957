"""The port of Wyoming opens only if its clients have a key where one is required."""

import pytest

from backend.errors import SetupError
from gateway.apis.wyoming.server import check_wyoming
from gateway.settings import GatewaySettings


def settings(**given: object) -> GatewaySettings:
    return GatewaySettings.model_validate({"wyoming_port": 10_300, "auth": "auto", **given})


@pytest.mark.parametrize("given", [{"auth": "keys"}, {"wyoming_host": "0.0.0.0"}, {"wyoming_host": "192.168.1.5"}])
def test_a_port_that_would_be_open_without_a_key_is_not_opened(given: dict[str, object]) -> None:
    with pytest.raises(SetupError, match="GATEWAY_WYOMING_KEY"):
        check_wyoming(settings(**given))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"wyoming_port": 0, "auth": "keys"},
        {"auth": "keys", "wyoming_key": "nova_key"},
        {"wyoming_host": "0.0.0.0", "wyoming_key": "nova_key"},
        {"wyoming_host": "0.0.0.0", "auth": "none"},
    ],
)
def test_a_port_that_is_safe_is_opened(given: dict[str, object]) -> None:
    check_wyoming(settings(**given))
