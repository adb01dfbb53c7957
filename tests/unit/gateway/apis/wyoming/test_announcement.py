"""The port is announced by multicast DNS, only if it is open and the operator wants it."""

import sys
from ipaddress import IPv4Address
from typing import Any

import pytest
from structlog.testing import capture_logs

from backend.errors import SetupError
from gateway.apis.wyoming import announcement
from gateway.apis.wyoming.announcement import SERVICE, announced, announcing, check_announcement
from gateway.settings import GatewaySettings


def settings(**given: object) -> GatewaySettings:
    defaults = {"wyoming_port": 10_300, "wyoming_host": "0.0.0.0", "wyoming_announce": True}
    return GatewaySettings.model_validate({**defaults, **given})


def test_without_the_package_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    with pytest.raises(SetupError, match=r"nova-voice\[wyoming\]"):
        check_announcement(settings())


@pytest.mark.parametrize("given", [{"wyoming_port": 0}, {"wyoming_announce": False}])
async def test_a_port_that_is_not_announced_needs_no_package(
    given: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "zeroconf", None)
    check_announcement(settings(**given))
    async with announcing(settings(**given)):
        pass


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::", "voice.example"])
def test_an_address_that_no_other_machine_reaches_is_refused(host: str) -> None:
    pytest.importorskip("zeroconf")
    with pytest.raises(SetupError, match="GATEWAY_WYOMING_HOST"):
        check_announcement(settings(wyoming_host=host))
    check_announcement(settings(wyoming_host="192.168.1.20"))


async def found(name: str) -> Any:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

    network, info = AsyncZeroconf(interfaces=["127.0.0.1"]), AsyncServiceInfo(SERVICE, f"{name}.{SERVICE}")
    try:
        return info if await info.async_request(network.zeroconf, 3_000) else None
    finally:
        await network.async_close()


async def test_another_program_finds_the_port_while_it_is_open() -> None:
    pytest.importorskip("zeroconf")
    async with announced("nova-voice-test", IPv4Address("127.0.0.1"), 10_300):
        info = await found("nova-voice-test")
        assert (info.parsed_addresses(), info.port) == (["127.0.0.1"], 10_300)
    assert await found("nova-voice-test") is None


async def test_a_machine_without_a_route_runs_without_an_announcement(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zeroconf")
    # A socket needs permission for broadcasts, so there is no route, whatever network the machine has.
    monkeypatch.setattr(announcement, "GROUP", ("255.255.255.255", 1))
    with capture_logs() as logs:
        async with announced("nova-voice-test", IPv4Address("0.0.0.0"), 10_300):
            pass
    assert [entry["event"] for entry in logs] == ["announcement_failed"]
