"""Addresses to which clients may direct the gateway."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.public_addresses import is_allowed, parse_address, parse_networks

PRIVATE = (
    *("0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1", "192.0.0.8"),
    *("192.0.2.1", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
    *(
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fec0::1",
    ),
    *(
        "ff02::1",
        "3fff::1",
        "192.88.99.1",
        "2002:a00:1::1",
        "2001:0:a00:1::1",
        "64:ff9b::a00:1",
        "2001:db8::1",
        "100::1",
    ),
)


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_that_are_not_public_are_refused(text: str) -> None:
    assert not is_allowed(parse_address(text), ())


@pytest.mark.parametrize("text", ["1.1.1.1", "93.184.216.34", "172.32.0.1", "::ffff:8.8.8.8", "2606:4700::1111"])
def test_public_addresses_are_allowed(text: str) -> None:
    assert is_allowed(parse_address(text), ())


def test_listed_networks_are_allowed_and_no_others() -> None:
    networks = parse_networks("10.1.0.0/16, fd00::/8")
    allowed = {
        text
        for text in ("10.1.2.3", "::ffff:10.1.2.3", "10.2.0.1", "fd00::1", "::1")
        if is_allowed(parse_address(text), networks)
    }
    assert allowed == {"10.1.2.3", "::ffff:10.1.2.3", "fd00::1"}
    with pytest.raises(ValueError, match=r"10\.1\.0\.1/16"):
        parse_networks("10.1.0.1/16")


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_its_ipv6_form(address: object) -> None:
    assert is_allowed(parse_address(str(address)), ()) == is_allowed(parse_address(f"::ffff:{address}"), ())
