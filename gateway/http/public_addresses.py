"""Which addresses the gateway may connect to when a client chooses the host. Pure."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
# Networks of special purpose that releases of Python disagree about (IANA's special-purpose address registries).
_SPECIAL = tuple(
    ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b::/32", "2001::/23", "2002::/16", "3fff::/20", "fec0::/10")
)


def parse_networks(text: str) -> tuple[Network, ...]:
    """Networks in CIDR notation, separated by commas. Raises ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


def parse_address(text: str) -> Address:
    """An address, without the zone of a link-local one; IPv4 if it is an IPv6 address for IPv4. Raises ValueError."""
    address = ip_address(text.partition("%")[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def is_allowed(address: Address, networks: Sequence[Network]) -> bool:
    """Whether the address is in one of the networks, or on the public internet.

    Public are neither private, shared, loopback, link-local, multicast and reserved addresses (RFC 6890), nor IPv6
    addresses that a router translates to IPv4 ones (RFC 3056, RFC 6052), which may be private.
    """
    if any(address in network for network in networks):
        return True
    if address.is_multicast or address.is_reserved or any(address in network for network in _SPECIAL):
        return False
    return address.is_global
