"""Where the platform is, and a resident with a browser who signs in there."""

from dataclasses import dataclass

import httpx

from tests.svc_identity.app_client import Page
from tests.svc_identity.conftest import new_phone


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
        page = Page(await browser.get(address, follow_redirects=True))
        if 'name="user_code"' in page.answer.text:
            typed = {"user_code": httpx.URL(address).params["user_code"]}
            page = Page(await self._post(browser, page, typed))
        page = Page(await self._post(browser, page, {"phone": phone, **page.forms[0].ticks}))
        messages = (await browser.get(f"{self.sms}/messages", params={"phone": phone})).json()["items"]
        code = {"code": messages[0]["params"]["code"]}
        answer = await self._post(browser, page, code, follow_redirects=False)
        return answer.headers["location"]

    async def _post(
        self, browser: httpx.AsyncClient, page: Page, typed: dict[str, str], *, follow_redirects: bool = True
    ) -> httpx.Response:
        form = page.forms[0]
        data = {**form.fields, **typed}
        return await browser.post(f"{self.url}{form.action}", data=data, follow_redirects=follow_redirects)
