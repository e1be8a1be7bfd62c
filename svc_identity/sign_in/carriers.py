"""By which provider messages leave, as the settings say."""

from typing import Annotated

import httpx
from fastapi import Depends, Request

from svc_identity.http_client import SECONDS
from svc_identity.settings import Settings
from svc_identity.sign_in.provider import HttpSms, Sms
from svc_identity.sign_in.tencent_sms import TencentCloudSms


def sms_by(settings: Settings, client: httpx.AsyncClient, *, seconds: float = SECONDS) -> Sms:
    if settings.sms_tencent:
        return TencentCloudSms(client, settings.sms_url, settings.sms_tencent, seconds)
    return HttpSms(client, settings.sms_url, seconds=seconds)


async def _sms(request: Request) -> Sms:
    return sms_by(request.app.state.settings, request.app.state.outside)


TheSms = Annotated[Sms, Depends(_sms)]
