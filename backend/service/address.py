"""What an address to listen on means for who can connect."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(name: str) -> bool:
    """Whether only this machine can connect to what listens at this address, given as an IP address or "localhost"."""
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
