"""Tencent Cloud SMS: SendSms of 2021-01-11, signed with TC3-HMAC-SHA256. Number and code travel in the body alone."""

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

import httpx
from pydantic import BaseModel, Field, ValidationError

from chassis.db import CHINA, now
from chassis.http_client import NoAnswer, NotReached, Reply, call
from chassis.telemetry import log
from svc_identity.http_client import SECONDS
from svc_identity.settings import TencentSms
from svc_identity.sign_in.provider import SIGN_IN_CODE, NotSent, Throttled

_ALGORITHM, _SERVICE, _ACTION, _VERSION = "TC3-HMAC-SHA256", "sms", "SendSms", "2021-01-11"
_CONTENT_TYPE = "application/json; charset=utf-8"
_SIGNED = "content-type;host;x-tc-action"
_SENT, _NEW_DEVICE = "Ok", "new_device"
_HALF_A_MINUTE, _HOUR = 30, 3600
_WAITS = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": _HALF_A_MINUTE,
    "LimitExceeded.DeliveryFrequencyLimit": _HALF_A_MINUTE,
    "LimitExceeded.PhoneNumberOneHourLimit": _HOUR,
}
_UNTIL_TOMORROW = {"LimitExceeded.PhoneNumberDailyLimit", "LimitExceeded.PhoneNumberSameContentDailyLimit"}
_CODE = re.compile(r"[A-Za-z.]{1,100}")


class _Status(BaseModel):
    code: str = Field(alias="Code")


class _Outcome(BaseModel):
    error: _Status | None = Field(default=None, alias="Error")
    statuses: list[_Status] = Field(default=[], alias="SendStatusSet")


class _Answer(BaseModel):
    outcome: _Outcome = Field(alias="Response")

    @property
    def code(self) -> str:
        """What happened to the one message."""
        status = self.outcome.error or (self.outcome.statuses[0] if self.outcome.statuses else None)
        return status.code if status else "empty"


@dataclass(frozen=True)
class TencentCloudSms:
    client: httpx.AsyncClient
    url: str
    settings: TencentSms
    seconds: float = SECONDS

    async def send_code(
        self, phone: str, code: str, *, minutes: int, language: str, template: str = SIGN_IN_CODE
    ) -> None:
        named = self.settings.of_other(template, language) if template != SIGN_IN_CODE else None
        await self._send(phone, named or self.settings.of_code(language), [code, str(minutes)])

    async def send_notice(self, phone: str, template: str, *, language: str, device: str = "", link: str = "") -> None:
        if template == _NEW_DEVICE:
            await self._send(phone, self.settings.of_new_device(language), [device])
            return
        named = self.settings.of_other(template, language)
        if named is None:
            log.warning("sms_not_sent", reason="template_missing", template=template)
            raise NotSent
        await self._send(phone, named, [link] if link else [])

    async def _send(self, phone: str, template_id: str, parameters: list[str]) -> None:
        message = {
            "PhoneNumberSet": [phone],
            "SmsSdkAppId": self.settings.app_id,
            "SignName": self.settings.sign_name,
            "TemplateId": template_id,
            "TemplateParamSet": parameters,
        }
        body = json.dumps(message, ensure_ascii=False).encode()
        request = self.client.build_request("POST", f"{self.url.rstrip('/')}/", content=body)
        request.headers.update(signed_headers(self.settings, request.headers["Host"], body, now()))
        try:
            reply = await call(self.client, request, seconds=self.seconds)
        except NotReached as silence:
            log.warning("sms_not_sent", reason=str(silence))
            raise NotSent from None
        except NoAnswer as silence:
            log.warning("sms_maybe_sent", reason=str(silence))
            return
        _require_sent(reply)


def signed_headers(settings: TencentSms, host: str, body: bytes, at: datetime) -> Mapping[str, str]:
    """The headers that prove a request to Tencent Cloud, API 3.0."""
    day, seconds = at.astimezone(UTC).date().isoformat(), str(int(at.timestamp()))
    named = f"content-type:{_CONTENT_TYPE}\nhost:{host}\nx-tc-action:{_ACTION.lower()}\n"
    canonical = f"POST\n/\n\n{named}\n{_SIGNED}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{_SERVICE}/tc3_request"
    to_sign = f"{_ALGORITHM}\n{seconds}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"TC3{settings.secret_key.get_secret_value()}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    credential = f"Credential={settings.secret_id}/{scope}"
    return {
        "Authorization": f"{_ALGORITHM} {credential}, SignedHeaders={_SIGNED}, Signature={signature}",
        "Content-Type": _CONTENT_TYPE,
        "X-TC-Action": _ACTION,
        "X-TC-Version": _VERSION,
        "X-TC-Region": settings.region,
        "X-TC-Timestamp": seconds,
    }


def _require_sent(reply: Reply) -> None:
    """Check that the message has left; an answer that cannot be read counts as if it had.

    Raises:
        NotSent, Throttled
    """
    if reply.status != httpx.codes.OK:
        log.warning("sms_not_sent", reason=f"status_{reply.status}")
        raise NotSent
    try:
        code = _Answer.model_validate_json(reply.body).code
    except ValidationError:
        log.warning("sms_maybe_sent", reason="unreadable_answer")
        return
    if code == _SENT:
        return
    # Their code, and not their sentence, which may repeat the number.
    log.warning("sms_not_sent", reason=code if _CODE.fullmatch(code) else "unknown_code")
    if code in _UNTIL_TOMORROW:
        raise Throttled(_seconds_of_today())
    if code in _WAITS:
        raise Throttled(_WAITS[code])
    raise NotSent


def _seconds_of_today() -> int:
    """Until midnight in China, when the carriers begin to count anew."""
    here = now().astimezone(CHINA)
    midnight = datetime.combine(here.date() + timedelta(days=1), time.min, CHINA)
    return int((midnight - here).total_seconds()) + 1
