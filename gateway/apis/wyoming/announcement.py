"""Announces the port of Wyoming in the local network, so that Home Assistant discovers it (RFC 6762, RFC 6763)."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import AddressValueError, IPv4Address
from typing import Any

import structlog

from backend.errors import SetupError
from gateway.settings import GatewaySettings

SERVICE = "_wyoming._tcp.local."
# The group of multicast DNS. Its route shows the address of this machine in the local network.
GROUP = ("224.0.0.251", 1)

log = structlog.get_logger()


def check_announcement(settings: GatewaySettings) -> None:
    """Raise SetupError if the port cannot be announced."""
    if _is_announced(settings):
        _import_zeroconf()
        if _address(settings.wyoming_host).is_loopback:
            raise SetupError("GATEWAY_WYOMING_ANNOUNCE: other machines cannot reach this GATEWAY_WYOMING_HOST")


@asynccontextmanager
async def announcing(settings: GatewaySettings) -> AsyncIterator[None]:
    """Announce the port while the context is active, if the settings say so."""
    if not _is_announced(settings):
        yield
        return
    name = f"nova-voice-{socket.gethostname().partition('.')[0]}"[:63]
    async with announced(name, _address(settings.wyoming_host), settings.wyoming_port):
        yield


@asynccontextmanager
async def announced(name: str, address: IPv4Address, port: int) -> AsyncIterator[None]:
    """Announce a service while the context is active. A machine without a network is only logged."""
    zeroconf = _import_zeroconf()
    try:
        # 0.0.0.0 is all addresses, but others need one of them.
        address = address if int(address) else _local_address()
        network = zeroconf.AsyncZeroconf(interfaces=[str(address)])
    except OSError as error:
        log.warning("announcement_failed", error=str(error))
        yield
        return
    info = zeroconf.AsyncServiceInfo(SERVICE, f"{name}.{SERVICE}", addresses=[address.packed], port=port)
    try:
        # Another gateway may have the same name.
        await network.async_register_service(info, allow_name_change=True)
        log.info("port_announced", name=info.name, address=str(address), port=port)
        yield
    finally:
        await network.async_unregister_all_services()
        await network.async_close()


def _is_announced(settings: GatewaySettings) -> bool:
    return bool(settings.wyoming_port) and settings.wyoming_announce


def _address(host: str) -> IPv4Address:
    try:
        return IPv4Address(host)
    except AddressValueError:
        raise SetupError("GATEWAY_WYOMING_ANNOUNCE: GATEWAY_WYOMING_HOST must be an IPv4 address") from None


def _local_address() -> IPv4Address:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(GROUP)  # sends nothing
        return IPv4Address(probe.getsockname()[0])


def _import_zeroconf() -> Any:
    try:
        from zeroconf import asyncio
    except ImportError:
        message = "GATEWAY_WYOMING_ANNOUNCE needs the package zeroconf: pip install 'nova-voice[wyoming]'"
        raise SetupError(message) from None
    return asyncio
