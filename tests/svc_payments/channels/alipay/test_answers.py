"""Verification of Alipay's answers, and the keys that count."""

import pytest
from pydantic import ValidationError

from chassis.http_client import outside_client
from svc_payments.channels.alipay.client import AlipayChannel
from svc_payments.channels.notices import NoticeNotAuthentic, PaidNotice
from svc_payments.channels.provider import Paid, Unclear
from svc_payments.channels.registry import open_channels
from svc_payments.settings import Settings
from svc_payments.settings.channels import ChannelName
from tests.svc_payments.channels.alipay.payments import opened_order, order_of, paid_order, read_notice
from tests.svc_payments.channels.doubles.alipay import AlipayDouble, certificate_double
from tests.svc_payments.channels.doubles.alipay_protocol import signature
from tests.svc_payments.channels.doubles.parties import certified, key_of

MANGLED = {
    "cut": lambda body: body[:-40],
    "unsigned": lambda body: body.partition(b',"sign"')[0] + b"}",
    "empty": lambda _: b"",
    "another_word": lambda body: body.replace(b"TRADE_SUCCESS", b"TRADE_FINISHE"),
    "written_again": lambda body: body.replace(rb"\"", rb"\u0022"),
    "further_member": lambda body: b'{"error_response":{"code":"10000"},' + body[1:],
    "another_interface": lambda body: body.replace(b"trade_query", b"trade_close", 1),
    "a_page": lambda _: b"<html><body>502</body></html>",
    "deep": lambda _: b'{"alipay_trade_query_response":' + b"{" * 30_000,
}


@pytest.mark.parametrize("how", sorted(MANGLED))
async def test_a_changed_answer_is_unclear(channel: AlipayChannel, alipay: AlipayDouble, how: str) -> None:
    order, _ = await paid_order(channel, alipay)
    alipay.mangle = MANGLED[how]
    assert isinstance(await channel.query(order), Unclear)
    alipay.mangle = None
    assert isinstance(await channel.query(order), Paid)


async def test_an_answer_is_verified_over_its_raw_bytes(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    """The signature covers the raw bytes: spaces, escapes, brackets in texts and the certificate serial."""
    order, _ = await paid_order(channel, alipay)

    def spaced(member: bytes, _: str) -> tuple[bytes, str]:
        loose = member.replace(b'","', b'" ,\n "')
        return loose, signature(alipay.key, loose)

    alipay.forge = spaced
    alipay.mangle = lambda body: body.replace(b',"sign"', b' , "alipay_cert_sn" : "a5b59edf65dc" ,\r\n"sign"')
    assert isinstance(await channel.query(order), Paid)


async def test_a_replayed_answer_about_another_order_is_unclear(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid_order(channel, alipay)
    kept: list[bytes] = []

    def keep(body: bytes) -> bytes:
        kept.append(body)
        return body

    alipay.mangle = keep
    await channel.query(order)
    another = await opened_order(channel, alipay)
    alipay.mangle = lambda _: kept[0]
    assert await channel.query(another) == Unclear("other_order")


async def test_both_keys_are_valid_during_a_rotation(rotated: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid_order(rotated, alipay)
    repeated = alipay.notice(order.number)
    alipay.key = key_of("Alipay's next")
    assert isinstance(await rotated.query(order), Paid)
    assert isinstance(await read_notice(rotated, alipay.notice(order.number)), PaidNotice)
    assert isinstance(await read_notice(rotated, repeated), PaidNotice)
    with pytest.raises(NoticeNotAuthentic):
        await read_notice(rotated, alipay.notice(order.number, sign_with=key_of("Somebody")))


async def test_a_removed_key_is_not_valid(channel: AlipayChannel, alipay: AlipayDouble) -> None:
    order, _ = await paid_order(channel, alipay)
    alipay.key = key_of("Alipay's next")
    assert isinstance(await channel.query(order), Unclear)
    with pytest.raises(NoticeNotAuthentic):
        await read_notice(channel, alipay.notice(order.number))


async def test_alipay_refuses_what_another_application_signed(settings: Settings, alipay: AlipayDouble) -> None:
    async with open_channels(settings) as channels:
        alipay.app_key = key_of("Another Application")
        assert await channels[ChannelName.ALIPAY].query(order_of()) == Unclear("40002_isv.invalid-signature")


async def test_an_application_without_its_certificate_is_refused_in_certificate_mode(alipay: AlipayDouble) -> None:
    real = certificate_double()
    alipay.app_certificate, alipay.roots = real.app_certificate, real.roots
    async with outside_client() as client:
        channel = AlipayChannel(alipay.settings(alipay.base_url), "https://my.example", 5.0, client)
        assert await channel.query(order_of()) == Unclear("40002_isv.invalid-app-cert-sn")


@pytest.mark.parametrize(
    "changes",
    [{"app_certificate": certified("Sample").pem}, {"public_key": "MIIBIjANBgkq"}, {"public_key": "BEGIN CERTIFICATE"}],
    ids=["half", "no_pem", "no_certificate"],
)
def test_inconsistent_settings_are_rejected(changes: dict[str, str]) -> None:
    with pytest.raises(ValidationError) as refusal:
        AlipayDouble().settings("https://alipay.test", **changes)
    assert "together" in str(refusal.value) or "must be" in str(refusal.value)
