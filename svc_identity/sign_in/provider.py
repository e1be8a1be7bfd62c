"""Messages to phones: the port, and a gateway with a plain API such as the sandbox's."""

from typing import Protocol

import httpx

from chassis.http_client import NoAnswer, NotReached, call
from chassis.telemetry import log
from svc_identity.http_client import SECONDS

SIGN_IN_CODE, PHONE_CHANGE_CODE = "sign_in_code", "phone_change_code"
"""Templates of codes: a code says for what it is."""


class NotSent(Exception):  # noqa: N818 - an answer of the gateway
    """The message certainly did not leave."""


class Throttled(NotSent):
    """The carrier takes no message to this phone for some time."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self.seconds = seconds


class Sms(Protocol):
    async def send_code(
        self, phone: str, code: str, *, minutes: int, language: str, template: str = SIGN_IN_CODE
    ) -> None:
        """Send a code. An unknown outcome counts as sent: the person can request another.

        Raises:
            NotSent, Throttled
        """

    async def send_notice(self, phone: str, template: str, *, language: str, device: str = "", link: str = "") -> None:
        """Tell a person of something that happened to their account, and where they can stop it.

        Raises:
            NotSent
        """


class HttpSms:
    def __init__(self, client: httpx.AsyncClient, url: str, *, seconds: float = SECONDS) -> None:
        self._client = client
        self._seconds = seconds
        self._url = f"{url}/messages"

    async def send_code(
        self, phone: str, code: str, *, minutes: int, language: str, template: str = SIGN_IN_CODE
    ) -> None:
        await self._send(phone, template, {"code": code, "minutes": minutes, "language": language})

    async def send_notice(self, phone: str, template: str, *, language: str, device: str = "", link: str = "") -> None:
        told = {"link": link} if link else {"device": device}
        await self._send(phone, template, {**told, "language": language})

    async def _send(self, phone: str, template: str, params: dict[str, str | int]) -> None:
        message = {"phone": phone, "template": template, "params": params}
        request = self._client.build_request("POST", self._url, json=message)
        try:
            reply = await call(self._client, request, seconds=self._seconds)
        except NotReached as silence:
            log.warning("sms_not_sent", reason=str(silence))
            raise NotSent from None
        except NoAnswer as silence:
            log.warning("sms_maybe_sent", reason=str(silence))
            return
        if not httpx.codes.is_success(reply.status):
            log.warning("sms_not_sent", reason=f"status_{reply.status}")
            raise NotSent
