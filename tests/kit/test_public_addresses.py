import ipaddress

import httpx
import pytest
from hypothesis import given
from hypothesis.strategies import ip_addresses

from kit.public_addresses import AddressNotPublic, AddressUnknown, Target, is_public, pinned, resolve


async def test_localhost_is_resolved_by_the_system() -> None:
    assert set(await resolve("localhost", 443)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize("address", ["9.9.9.9", "2620:fe::fe", "114.114.114.114"])
def test_hosts_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2400:3200::1", True),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("100.64.0.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - an address to refuse
        ("169.254.169.254", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),
        ("2001:0:7f00:1::", False),
        ("192.0.0.9", False),
        ("192.0.0.170", False),
        ("192.0.2.1", False),
        ("192.31.196.1", False),
        ("192.52.193.1", False),
        ("192.88.99.1", False),
        ("192.175.48.1", False),
        ("198.18.0.1", False),
        ("198.19.255.255", False),
        ("198.51.100.1", False),
        ("203.0.113.1", False),
        ("239.255.255.250", False),
        ("240.0.0.1", False),
        ("::7f00:1", False),
        ("::8.8.8.8", False),
        ("::ffff:8.8.8.8", False),
        ("::ffff:0:8.8.8.8", False),
        ("64:ff9b::808:808", False),
        ("64:ff9b:1::a00:1", False),
        ("100::1", False),
        ("2001:1::1", False),
        ("2001:2::1", False),
        ("2001:10::1", False),
        ("2001:20::1", False),
        ("2001:db8::1", False),
        ("2620:4f:8000::1", False),
        ("3ffe::1", False),
        ("3fff::1", False),
        ("5f00::1", False),
        ("2400:3200::5efe:7f00:1", False),
        ("2400:3200::200:5efe:7f00:1", False),
        ("fec0::1", False),
        ("ff0e::1", False),
        # The last and first neighbours of ranges.
        ("100.63.255.255", True),
        ("100.128.0.0", True),
        ("192.0.1.0", True),
        ("198.17.255.255", True),
        ("198.20.0.0", True),
        ("223.255.255.255", True),
        ("2001:200::1", True),
        ("2003::1", True),
    ],
)
def test_which_addresses_are_public(address: str, *, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize(
    "special",
    [
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
        *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32"),
        *("2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "ff00::/8"),
    ],
)
def test_a_special_range_is_refused_from_its_first_address_to_its_last(special: str) -> None:
    network = ipaddress.ip_network(special)
    assert not is_public(str(network[0]))
    assert not is_public(str(network[-1]))


@given(ip_addresses())
def test_nothing_is_public_that_python_calls_special(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    special = not address.is_global or address.is_multicast or address.is_reserved
    assert not (special and is_public(str(address)))


@given(ip_addresses(v=4))
def test_no_wrapping_makes_an_address_public(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for prefix in ("::", "::ffff:0:0", "::ffff:0:0:0", "64:ff9b::", "64:ff9b:1::"):
        assert not is_public(str(ipaddress.IPv6Address(int(ipaddress.IPv6Address(prefix)) | number)))
    assert not is_public(str(ipaddress.IPv6Address(0x2002 << 112 | number << 80)))


async def _pinned(url: str, *addresses: str) -> Target:
    async def resolver(_: str, __: int) -> list[str]:
        return list(addresses)

    return await pinned(httpx.URL(url), resolver)


@pytest.mark.parametrize(
    ("address", "url"),
    [("9.9.9.9", "https://9.9.9.9:8443/api"), ("2620:fe::fe", "https://[2620:fe::fe]:8443/api")],
)
async def test_the_checked_address_is_called_under_the_name(address: str, url: str) -> None:
    target = await _pinned("https://provider.example:8443/api", address)
    assert str(target.url) == url
    assert target.headers == {"Host": "provider.example:8443"}
    assert target.extensions == {"sni_hostname": "provider.example"}


async def test_a_name_without_an_address_is_not_called() -> None:
    with pytest.raises(AddressUnknown):
        await _pinned("https://provider.example")


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(AddressNotPublic):
        await _pinned("https://provider.example", "9.9.9.9", "10.0.0.1")


async def test_the_name_is_resolved_once() -> None:
    queries: list[tuple[str, int]] = []

    async def rebinding(host: str, port: int) -> list[str]:
        queries.append((host, port))
        return ["9.9.9.9"] if len(queries) == 1 else ["127.0.0.1"]

    target = await pinned(httpx.URL("https://provider.example/api"), rebinding)
    assert (target.url.host, queries) == ("9.9.9.9", [("provider.example", 443)])
