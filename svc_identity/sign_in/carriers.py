"""By which provider messages leave, as the settings say."""

from typing import Annotated

from fastapi import Depends, Request

from svc_identity.settings import Settings
from svc_identity.sign_in.provider import HttpSms, Sms
from svc_identity.sign_in.tencent_sms import TencentCloudSms


async def _sms(request: Request) -> Sms:
    settings: Settings = request.app.state.settings
    if settings.sms_tencent:
        return TencentCloudSms(request.app.state.outside, settings.sms_url, settings.sms_tencent)
    return HttpSms(request.app.state.outside, settings.sms_url)


TheSms = Annotated[Sms, Depends(_sms)]
