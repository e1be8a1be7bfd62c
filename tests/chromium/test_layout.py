"""Every page on the smallest phone, from left to right and from right to left, and what can be seen on it."""

import re
from itertools import product
from urllib.parse import urlsplit

import pytest

from tests.chromium.browser import Tab
from tests.chromium.conftest import Site
from tests.chromium.test_sign_in import SUBMIT, type_phone
from tests.svc_identity.app_client import STAFF_CONSOLE
from tests.svc_identity.conftest import new_phone

LANGUAGES = ["zh", "en", "kk-Arab", "ug"]
SCHEMES = ["light", "dark"]
SEPARATED = "/[·|]/.test(document.body.innerText)"
WIDE = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
_NUMBER = re.compile(r"[\d.]+")
_COLOURS = """(() => {
  const found = [], shown = each => each.type !== 'hidden' && each.offsetParent !== null;
  const paper = each => { let at = each, colour = 'rgba(0, 0, 0, 0)';
    for (; at && /, 0\\)$/.test(colour); at = at.parentElement) { colour = getComputedStyle(at).backgroundColor; }
    return colour; };
  for (const each of [...document.querySelectorAll('input:not([type=checkbox])')].filter(shown)) {
    const edge = each.closest('.phone') || each, hint = getComputedStyle(each, '::placeholder');
    found.push([paper(edge), getComputedStyle(edge).borderTopColor, hint.color, hint.opacity]);
  }
  return found; })()"""


async def fit(tab: Tab) -> None:
    """Fail where a page of 320 pixels has to be moved sideways, or where a line could begin with a separator."""
    assert not await tab.run(WIDE), await tab.run("location.href")
    assert not await tab.run(SEPARATED), await tab.run("location.href")


async def small(tab: Tab, scheme: str = "light") -> None:
    await tab.call("Emulation.setDeviceMetricsOverride", width=320, height=640, deviceScaleFactor=2, mobile=True)
    await tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])


@pytest.mark.parametrize("limits", [{"codes_per_address": 2, "code_resend_seconds": 1}])
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_fits_320_pixels(tab: Tab, site: Site, language: str) -> None:
    await small(tab)
    address, phone = site.address(STAFF_CONSOLE, ui_locales=language), new_phone()
    for path in (
        "/identity/v1/oauth/device",
        "/identity/v1/oauth/authorize/sign-ins",
        "/identity/v1/oauth/agreements/privacy_notice/none",
    ):
        await tab.open(f"{site.url}{path}?ui_locales={language}")
        await fit(tab)
    await tab.open(address)
    await fit(tab)
    await tab.fill("phone", "1")
    await tab.tick()
    await tab.tap(SUBMIT)
    await tab.until("document.querySelector('.problem')")
    await fit(tab)
    await type_phone(tab, phone)
    await tab.until("document.getElementById('code')")
    await fit(tab)
    await tab.fill("code", "000000")
    await tab.tap(SUBMIT)
    await tab.until("document.querySelector('.problem')")
    await fit(tab)
    await tab.fill("code", await site.code(phone))
    await tab.tap(SUBMIT)
    await tab.until("document.querySelector('.qr')")
    await fit(tab)
    await tab.open(address)
    await type_phone(tab, new_phone())
    await tab.until("document.getElementById('code')")
    await tab.without_script()
    await tab.open(address)
    await type_phone(tab, new_phone())
    await tab.until("document.getElementById('answer')")
    await fit(tab)


def luminance(colour: str) -> float:
    channels = [float(each) / 255 for each in _NUMBER.findall(colour)[:3]]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG 2.2 defines it."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_hints_and_edges_of_fields_can_be_seen(tab: Tab, site: Site, scheme: str) -> None:
    await small(tab, scheme)
    phone = new_phone()
    for client, step in product(["myili-app", STAFF_CONSOLE], range(3)):
        if step == 0:
            phone = new_phone()
            await tab.open(site.address(client))
        elif step == 1:
            await type_phone(tab, phone)
            await tab.until("document.getElementById('code')")
        elif client == STAFF_CONSOLE:
            await tab.fill("code", await site.code(phone))
            await tab.tap(SUBMIT)
            await tab.until("document.querySelector('.qr')")
        for paper, edge, hint, opacity in await tab.run(_COLOURS):
            where = f"{urlsplit(await tab.run('location.href')).path}: {paper} {edge} {hint}"
            assert opacity == "1", where
            assert contrast(hint, paper) >= 4.5, where
            assert contrast(edge, paper) >= 3, where
