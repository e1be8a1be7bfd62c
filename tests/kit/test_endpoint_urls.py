"""Which addresses a provider's endpoint may have."""

import re

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given
from hypothesis import strategies as st

from kit.endpoint_urls import Endpoints, EndpointUrlRefused
from kit.signatures.messages import sign_request


async def public_address(_: str, __: int) -> list[str]:
    return ["9.9.9.9"]


KEY = generate_private_key(65537, 2048)
internet = Endpoints(anywhere=False, resolve=public_address)
machine = Endpoints(anywhere=True)


async def reason(endpoints: Endpoints, url: str) -> str:
    with pytest.raises(EndpointUrlRefused) as refused:
        await endpoints.accepted(url)
    value: str = refused.value.values["reason"]
    return value


async def test_an_https_address_is_stored_without_its_last_slash() -> None:
    assert await internet.accepted("https://provider.example/api/") == "https://provider.example/api"
    assert await internet.accepted("https://Provider.Example:8443") == "https://provider.example:8443"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://provider.example/api", "scheme"),
        ("ftp://provider.example", "scheme"),
        ("file:///etc/passwd", "not_a_url"),
        ("provider.example/api", "not_a_url"),
        ("https://", "not_a_url"),
        ("https:///api", "not_a_url"),
        ("https://provider.example:99999", "not_a_url"),
        ("https://provider.example:0", "not_a_url"),
        ("https://provider .example", "characters"),
        ("https://provider.example:x", "not_a_url"),
        ("https://provider.example\\@127.0.0.1", "characters"),
        ("https://user:secret@provider.example", "userinfo"),
        ("https://provider.example/api?x=1", "query_or_fragment"),
        ("https://provider.example/api?", "query_or_fragment"),
        ("https://provider.example/api#top", "query_or_fragment"),
        ("https://供水.example/api", "characters"),
        ("https://xn--zfr164b.example/供水", "characters"),
        ("https://provider。example/api", "characters"),
        ("https://ｐrovider.example/api", "characters"),
        ("https://prоvider.example/api", "characters"),
        ("https://provider.example/a b", "characters"),
        ("https://provider.example/a%", "characters"),
        ("https://provider.example/a%zz", "characters"),
        ('https://provider.example/a"b<c>', "characters"),
        ("https://provider.example/a[1]x", "characters"),
        ("https://%70rovider.example/api", "not_a_url"),
    ],
)
async def test_an_address_of_the_wrong_form_is_refused(url: str, why: str) -> None:
    assert await reason(internet, url) == why


async def test_an_international_name_and_path_are_written_in_ascii() -> None:
    written = "https://xn--zfr164b.example/%E4%BE%9B%E6%B0%B4"
    assert await internet.accepted(written) == written


@given(
    st.builds(
        "{}://{}{}{}".format,
        st.sampled_from(["https", "http", "HTTPS"]),
        st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["provider.example", "[2620:fe::fe]"]),
        st.sampled_from(["", ":443", ":8443", ":"]),
        st.text(st.characters(codec="utf-8") | st.sampled_from("/.%aF~@:;\\é水"), max_size=20).map("/{}".format),
    )
)
async def test_what_is_stored_is_what_was_written(url: str) -> None:
    """Ascii, unchanged but for the case of the name, the usual port and dot segments, signable, and never rewritten."""
    try:
        kept = await internet.accepted(url)
    except EndpointUrlRefused:
        return
    assert url.isascii()
    assert kept == await internet.accepted(kept)
    sign_request(KEY, "provider", "POST", f"{kept}/account-verifications")
    scheme, _, rest = url.partition("://")
    if "/." not in url and not re.search("[A-Z]|:(443)?(/|$)", scheme + rest.partition("/")[0] + "/"):
        assert kept == url.rstrip("/")


@pytest.mark.parametrize("form", ["https://user@127.0.0.1", "ftp://127.0.0.1", "http://127.0.0.1/#x"])
async def test_the_form_is_checked_on_a_development_machine_too(form: str) -> None:
    assert await machine.accepted("http://127.0.0.1:9000/api") == "http://127.0.0.1:9000/api"
    assert await reason(machine, form) in {"userinfo", "scheme", "query_or_fragment"}


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0",
        "10.0.0.8",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[fd00::1]",
        "[fe80::1]",
        "[ff02::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
async def test_the_own_network_is_refused_in_any_notation(host: str) -> None:
    """Resolved by the operating system, which accepts more notations of an address than a pattern would."""
    assert await reason(Endpoints(anywhere=False), f"https://{host}/api") == "not_reachable"


@pytest.mark.parametrize("host", ["nobody-has-this-name.invalid", "a" * 64 + ".example"])
async def test_a_name_without_an_address_is_refused(host: str) -> None:
    assert await reason(Endpoints(anywhere=False), f"https://{host}") in {"not_reachable", "not_a_url"}


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    async def mixed(_: str, __: int) -> list[str]:
        return ["9.9.9.9", "10.0.0.8"]

    assert await reason(Endpoints(anywhere=False, resolve=mixed), "https://provider.example") == "not_reachable"


async def test_a_name_that_now_resolves_to_a_private_address_is_not_called() -> None:
    answers = iter([["9.9.9.9"], ["127.0.0.1"]])

    async def rebinding(_: str, __: int) -> list[str]:
        return next(answers)

    endpoints = Endpoints(anywhere=False, resolve=rebinding)
    kept = await endpoints.accepted("https://provider.example/api")
    with pytest.raises(EndpointUrlRefused):
        await endpoints.target(f"{kept}/account-verifications")


async def test_the_call_goes_to_the_checked_address_with_the_name_of_the_provider() -> None:
    target = await internet.target("https://provider.example:8443/api/account-verifications")
    assert target.url == httpx.URL("https://9.9.9.9:8443/api/account-verifications")
    assert target.headers == {"Host": "provider.example:8443"}
    assert target.extensions == {"sni_hostname": "provider.example"}


async def test_an_ipv6_address_is_called() -> None:
    async def ipv6(_: str, __: int) -> list[str]:
        return ["2620:fe::fe"]

    target = await Endpoints(anywhere=False, resolve=ipv6).target("https://provider.example/api")
    assert str(target.url) == "https://[2620:fe::fe]/api"
