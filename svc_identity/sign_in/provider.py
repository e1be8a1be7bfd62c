"""The SMS gateway."""

from typing import Annotated, Protocol

import httpx
from fastapi import Depends, Request

from chassis.telemetry import log
from svc_identity.settings import Settings


class NotSent(Exception):  # noqa: N818 - an answer of the gateway
    """The message certainly did not leave."""


class Sms(Protocol):
    async def send_code(self, phone: str, code: str, *, minutes: int, language: str) -> None:
        """Send a sign-in code. Returns too when it may have been sent: the reader of the page asks for another.

        Raises:
            NotSent
        """


class HttpSms:
    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client = client
        self._url = f"{url}/messages"

    async def send_code(self, phone: str, code: str, *, minutes: int, language: str) -> None:
        params = {"code": code, "minutes": minutes, "language": language}
        message = {"phone": phone, "template": "sign_in_code", "params": params}
        try:
            (await self._client.post(self._url, json=message)).raise_for_status()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.HTTPStatusError) as error:
            log.warning("sms_not_sent", error=type(error).__name__)
            raise NotSent from None
        except httpx.HTTPError as error:  # the gateway may have taken it before the line broke
            log.warning("sms_maybe_sent", error=type(error).__name__)


def _sms(request: Request) -> Sms:
    settings: Settings = request.app.state.settings
    return HttpSms(request.app.state.outside, settings.sms_url)


TheSms = Annotated[Sms, Depends(_sms)]
