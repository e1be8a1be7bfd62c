"""Tencent Cloud SMS: requests that its published signature proves, and what each of its answers comes to."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
import time_machine
from pydantic import SecretStr, ValidationError
from structlog.testing import LogCapture

from chassis.http_client import outside_client
from svc_identity.settings import Settings, TencentSms
from svc_identity.sign_in import tencent_sms
from svc_identity.sign_in.provider import NotSent, Throttled
from svc_identity.sign_in.tencent_sms import TencentCloudSms
from tests.svc_identity.app_client import AppClient, Page
from tests.svc_identity.conftest import UNREACHABLE, browser_on, new_phone, running
from tests.svc_identity.sign_in.tencent_double import SECRET_ID, SECRET_KEY, Double

TEMPLATES = {"zh": "1001", "en": "1002", "kk-Arab": "1003", "ug": "1004"}


@pytest.fixture
def double() -> Iterator[Double]:
    double = Double()
    yield double
    double.server.shutdown()
    double.server.server_close()


def tencent(**changes: Any) -> TencentSms:  # noqa: ANN401 - settings
    usual = {"secret_id": SECRET_ID, "secret_key": SecretStr(SECRET_KEY), "app_id": "1400006666"}
    named = {f"template_{language[:2]}": template for language, template in TEMPLATES.items()}
    notices = {f"new_device_{language[:2]}": f"2{template}" for language, template in TEMPLATES.items()}
    return TencentSms(**{**usual, **named, **notices, "sign_name": "我的伊犁", **changes})


async def send(url: str, settings: TencentSms | None = None, language: str = "zh") -> None:
    async with outside_client() as client:
        sms = TencentCloudSms(client, url, settings or tencent())
        await sms.send_code("+8613800000001", "123456", minutes=5, language=language)


@pytest.mark.parametrize("language", TEMPLATES)
async def test_the_published_signature_proves_a_message_in_each_language(double: Double, language: str) -> None:
    await send(double.url, language=language)
    assert double.refusals == []
    assert double.messages == [
        {
            "PhoneNumberSet": ["+8613800000001"],
            "SmsSdkAppId": "1400006666",
            "SignName": "我的伊犁",
            "TemplateId": TEMPLATES[language],
            "TemplateParamSet": ["123456", "5"],
        }
    ]
    assert double.paths == ["/"]


@pytest.mark.parametrize("language", TEMPLATES)
async def test_a_new_device_is_announced_in_each_language(double: Double, language: str) -> None:
    async with outside_client() as client:
        sms = TencentCloudSms(client, double.url, tencent())
        await sms.send_notice("+8613800000001", "new_device", language=language, device="Android")
    (message,) = double.messages
    assert (message["TemplateId"], message["TemplateParamSet"]) == (f"2{TEMPLATES[language]}", ["Android"])


async def test_further_templates_are_those_of_the_settings_and_a_notice_without_one_does_not_leave(
    double: Double,
) -> None:
    settings = tencent(templates={"phone_change_begun": {"zh": "31", "ug": "34"}, "phone_change_code": {"zh": "41"}})
    phone, link = "+8613800000001", "https://gateway.test/stop?code=x"
    async with outside_client() as client:
        sms = TencentCloudSms(client, double.url, settings)
        for language in ("ug", "en"):
            await sms.send_notice(phone, "phone_change_begun", language=language, link=link)
        await sms.send_code(phone, "123456", minutes=10, language="zh", template="phone_change_code")
        with pytest.raises(NotSent):
            await sms.send_notice(phone, "factor_added", language="zh")
        await TencentCloudSms(client, double.url, tencent()).send_code(
            phone, "123456", minutes=10, language="en", template="phone_change_code"
        )
    sent = [(each["TemplateId"], each["TemplateParamSet"]) for each in double.messages]
    code = ["123456", "10"]
    assert sent == [("34", [link]), ("31", [link]), ("41", code), (TEMPLATES["en"], code)]


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"secret_key": SecretStr("another")}, "AuthFailure.SignatureFailure"),
        ({"secret_id": "AKIDother"}, "AuthFailure.SecretIdNotFound"),
    ],
)
async def test_a_wrong_key_sends_nothing(double: Double, changes: dict[str, Any], fault: str) -> None:
    with pytest.raises(NotSent):
        await send(double.url, tencent(**changes))
    assert (double.refusals, double.messages) == ([fault], [])


@pytest.mark.parametrize(
    ("code", "least", "most"),
    [
        ("LimitExceeded.PhoneNumberThirtySecondLimit", 30, 30),
        ("LimitExceeded.PhoneNumberOneHourLimit", 3_600, 3_600),
        ("LimitExceeded.PhoneNumberDailyLimit", 1, 86_401),
    ],
)
async def test_flow_control_says_when(double: Double, code: str, least: int, most: int) -> None:
    double.code = code
    with pytest.raises(Throttled) as refused:
        await send(double.url)
    assert least <= refused.value.seconds <= most


async def test_the_limit_of_a_day_ends_at_midnight_in_china(double: Double) -> None:
    double.code = "LimitExceeded.PhoneNumberDailyLimit"
    with time_machine.travel("2026-12-01T15:00:00+00:00", tick=False), pytest.raises(Throttled) as refused:
        await send(double.url)
    assert refused.value.seconds == 3_601


@pytest.mark.parametrize(
    "code", ["FailedOperation.InsufficientBalanceInSmsPackage", "LimitExceeded.DailyLimit", "RequestLimitExceeded"]
)
async def test_another_refusal_has_sent_nothing(double: Double, code: str) -> None:
    double.code = code
    with pytest.raises(NotSent) as refused:
        await send(double.url)
    assert not isinstance(refused.value, Throttled)


async def test_a_failed_gateway_has_sent_nothing_and_an_unreadable_answer_may_have(double: Double) -> None:
    double.status = 502
    with pytest.raises(NotSent):
        await send(double.url)
    double.status, double.raw = 200, b"<html>"
    await send(double.url)
    with pytest.raises(NotSent):
        await send(f"http://{UNREACHABLE}")


async def test_an_address_that_others_can_read_is_refused(settings: Settings) -> None:
    for url, is_good in (("http://sms.example.org", False), ("https://sms.tencentcloudapi.com", True)):
        given = settings.model_dump() | {"sms_tencent": tencent(), "sms_url": url}
        with contextlib.nullcontext() if is_good else pytest.raises(ValidationError):
            assert type(settings)(**given).sms_url == url


async def test_the_page_says_when_a_throttled_phone_gets_its_code(settings: Settings, double: Double) -> None:
    double.code, phone = "LimitExceeded.PhoneNumberOneHourLimit", new_phone()
    async with running(settings, sms_url=double.url, sms_tencent=tencent()) as app, browser_on(app) as api:
        client = AppClient(api, api)
        first = Page(await client.type_phone(await client.begin(), phone))
        assert first.answer.status_code == 429
        assert 3_500 < int(first.answer.headers["retry-after"]) <= 3_600
        double.code = "Ok"
        assert (await client.type_phone(first, phone)).status_code == 303
    assert [message["PhoneNumberSet"] for message in double.messages] == [[f"+86{phone[-11:]}"]] * 2


async def test_neither_number_nor_code_is_logged(double: Double, monkeypatch: pytest.MonkeyPatch) -> None:
    logged = LogCapture()
    monkeypatch.setattr(tencent_sms, "log", structlog.wrap_logger(None, processors=[logged]))
    for code in ("FailedOperation.PhoneNumberInBlacklist", "strange +8613800000001"):
        double.code = code
        with pytest.raises(NotSent):
            await send(double.url)
    assert [line["reason"] for line in logged.entries] == ["FailedOperation.PhoneNumberInBlacklist", "unknown_code"]
    assert [secret for secret in ("13800000001", "123456", SECRET_KEY) if secret in str(logged.entries)] == []
