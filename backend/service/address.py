"""Properties of network addresses."""

from ipaddress import ip_address


def is_loopback(name: str) -> bool:
    """Whether only this machine can connect to this address, an IP address or "localhost"."""
    if name.lower() == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
