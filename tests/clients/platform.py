"""Where the platform is, and a resident with a browser who signs in there."""

from dataclasses import dataclass

import httpx

from tests.svc_identity.conftest import new_phone
from tests.svc_identity.served import inputs


@dataclass(frozen=True)
class Platform:
    url: str
    sms: str

    @property
    def issuer(self) -> str:
        return f"{self.url}/identity"

    async def sign_in(self, browser: httpx.AsyncClient, address: str) -> str:
        """Sign in on the page at this address; returns where the browser was sent."""
        phone = new_phone()
        action, fields = inputs((await browser.get(address)).text)
        page = await browser.post(f"{self.url}{action}", data={**fields, "phone": phone}, follow_redirects=True)
        action, fields = inputs(page.text)
        messages = (await browser.get(f"{self.sms}/messages", params={"phone": phone})).json()["items"]
        code = messages[0]["params"]["code"]
        answer = await browser.post(f"{self.url}{action}", data={**fields, "code": code})
        return answer.headers["location"]
