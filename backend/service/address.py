"""Properties and forms of network addresses."""

import re
import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit

# A server listens on these for all addresses of its machine. A client reaches it at loopback.
_UNSPECIFIED = {"0.0.0.0": "127.0.0.1", "::": "::1"}
# "host", "host:port" or "[::1]:port", also several, separated by commas.
_HOST = r"(\[[^\[\]]+\]|[^:\[\],]+)(:\d+)?"
_HOSTS = re.compile(f"{_HOST}(,{_HOST})*")
# Addresses for documentation (RFC 5737 and RFC 3849), which are routed as public ones.
_PUBLIC = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def is_loopback(name: str) -> bool:
    """Whether only this machine can connect to this address, an IP address or "localhost"."""
    if name.lower() == "localhost":
        return True
    address = _ip_address(name)
    return address is not None and address.is_loopback


def is_on_this_machine(url: str) -> bool:
    """Whether a connection to this URL does not leave this machine, so that no proxy may be used."""
    try:
        host = (urlsplit(url).hostname or "").removesuffix(".")
    except ValueError:
        return False
    if host.endswith(".localhost"):  # RFC 6761
        return True
    mapped = getattr(_ip_address(host), "ipv4_mapped", None)
    return host in _UNSPECIFIED or is_loopback(str(mapped or host))


def is_safe_host(host: str, names: Collection[str]) -> bool:
    """Whether a `Host` header names an IP address, this machine, or one of `names` (lower case), with any port.

    A foreign name suggests DNS rebinding: a page lets its own name resolve to a server that only its visitor can reach.
    """
    try:
        name = (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return False
    if name in names or name == "localhost" or name.endswith(".localhost"):
        return "@" not in host
    return _ip_address(name) is not None and "@" not in host


def connect_host(host: str) -> str:
    """The host at which this machine reaches a server that listens on `host`."""
    return _UNSPECIFIED.get(host, host)


def hosts_for_others(host: str) -> list[str]:
    """The addresses at which other machines reach a server that listens on `host`; empty if there are none."""
    if host not in _UNSPECIFIED:
        return [] if is_loopback(host) else [host]
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a UDP socket sends nothing. It only selects the address of this machine for the default route.
            probe.connect((_PUBLIC[family], 9))
            found = str(probe.getsockname()[0])
        except OSError:  # this machine has no network
            return []
    return [] if is_loopback(found) else [found]


def join_host_port(host: str, port: int) -> str:
    """Host and port as in a URL. An IPv6 address gets brackets (RFC 3986), and its zone is escaped (RFC 6874)."""
    is_ipv6 = isinstance(_ip_address(host), IPv6Address)
    return f"[{host.replace('%', '%25')}]:{port}" if is_ipv6 else f"{host}:{port}"


def without_secrets(redis_url: str) -> str:
    """Host, port and database in a Redis URL, without the user, the password and the query, to be printed.

    A password may contain characters that must be escaped in a URL. Nothing of a URL that is read wrongly is returned.
    """
    try:
        parts = urlsplit(redis_url)
    except ValueError:
        return "an invalid address"
    hosts, is_file = parts.netloc.rpartition("@")[2], parts.scheme == "unix"
    if "@" in parts.path or not (is_file or _HOSTS.fullmatch(hosts)):
        return "an invalid address"
    return hosts + parts.path


def _ip_address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(name)
    except ValueError:
        return None
