import httpx
import pytest

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
    ],
)
def test_which_addresses_are_public(address: str, *, public: bool) -> None:
    assert is_public(address) is public


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
