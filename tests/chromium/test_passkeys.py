"""Passkeys with Chromium's virtual authenticator: made on the page, used as the first step and as the second."""

from svc_identity.fields import normalise_phone
from svc_identity.people.factors.enrolment import issue
from tests.chromium.browser import Tab
from tests.chromium.conftest import Site
from tests.chromium.test_sign_in import SUBMIT, type_phone
from tests.svc_identity.app_client import STAFF_CONSOLE
from tests.svc_identity.conftest import new_phone

STRONG = "urn:myili:sign-in:two-factors"


async def give_authenticator(tab: Tab, *, answers_by_itself: bool) -> str:
    """A device with passkeys; it waits for a tap on the button where it does not answer by itself."""
    await tab.call("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": answers_by_itself,
    }
    made = await tab.call("WebAuthn.addVirtualAuthenticator", options=options)
    return str(made["authenticatorId"])


async def to_factor(tab: Tab, site: Site, phone: str, client: str = STAFF_CONSOLE) -> None:
    await tab.open(site.address(client, acr_values=STRONG))
    await type_phone(tab, phone)
    await tab.until("document.getElementById('code')")
    await tab.fill("code", await site.code(phone))
    await tab.tap(SUBMIT)


async def test_staff_make_a_passkey_and_sign_in_by_it_alone_and_after_a_code(tab: Tab, site: Site) -> None:
    phone = new_phone()
    device = await give_authenticator(tab, answers_by_itself=True)
    code = await issue(site.settings, normalise_phone(phone), "a test")
    await to_factor(tab, site, phone)
    await tab.until("document.querySelector('#new_passkey:not([hidden])')")
    await tab.run(f"document.getElementById('enrolment_code').value = '{code}'")
    await tab.tap("#new_passkey button", times=2)
    await tab.until("document.querySelectorAll('.codes li').length === 10")
    kept = await tab.call("WebAuthn.getCredentials", authenticatorId=device)
    assert [each["isResidentCredential"] for each in kept["credentials"]] == [True]
    await tab.tap(SUBMIT)
    assert "code=" in await tab.at_app()

    await tab.open(site.address(STAFF_CONSOLE))
    await tab.until("location.pathname === '/callback' || document.querySelector('#passkey:not([hidden])')")
    await tab.tap("#passkey")
    assert "code=" in await tab.at_app()

    await tab.call("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=device, enabled=False)
    await to_factor(tab, site, phone, "myili-app")
    await tab.until("document.querySelector('#passkey:not([hidden])') && !document.getElementById('begin')")
    await tab.call("WebAuthn.setAutomaticPresenceSimulation", authenticatorId=device, enabled=True)
    await tab.tap("#passkey button")
    assert "code=" in await tab.at_app()
    assert tab.complaints == []


async def test_a_device_without_a_passkey_leaves_the_phone(tab: Tab, site: Site) -> None:
    await give_authenticator(tab, answers_by_itself=True)
    phone = new_phone()
    await tab.open(site.address())
    await tab.tap("#passkey")
    await type_phone(tab, phone)
    await tab.until("document.getElementById('code')")
    await tab.fill("code", await site.code(phone))
    await tab.tap(SUBMIT)
    assert "code=" in await tab.at_app()
