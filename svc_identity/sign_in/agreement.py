"""The agreements on the phone page: who has to tick them, and what is recorded once the sign-in is finished.

The page cannot tell whose phone is about to be typed, and its answer must be the same for every phone. So everybody
ticks, except in a browser that has signed in with this phone before and whose owner agrees to the version in force.
"""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from svc_identity.oauth.requests import parse
from svc_identity.people.agreements.documents import version_in_force
from svc_identity.people.consents.activities import Activity
from svc_identity.people.consents.models import Way
from svc_identity.people.consents.service import Given, give, is_given
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import phone_index
from svc_identity.sign_in.browser import Browser
from svc_identity.sign_in.known_devices import is_known
from svc_identity.sign_in.models import KnownDevice, SignIn
from svc_identity.sign_in.refusals import Refused


class NotAgreed(Refused):
    text = "must_agree"


async def is_asked(tx: AsyncSession, browser: Browser) -> bool:
    """Whether the page shows the tick: unless everybody who signed in here before has agreed."""
    known = (
        select(Person.id)
        .join(KnownDevice, KnownDevice.phone_index == Person.phone_index)
        .where(KnownDevice.browser_hash == browser.fingerprint)
    )
    persons = (await tx.scalars(known)).all()
    return not persons or not all([await is_given(tx, each, Activity.ACCOUNT) for each in persons])


async def check(tx: AsyncSession, browser: Browser, phone: str, ticked: str) -> str | None:
    """The version that was ticked; None where it need not be.

    Raises:
        NotAgreed
    """
    if ticked == version_in_force():
        return ticked
    index = phone_index(phone)
    if await is_known(tx, phone, browser.fingerprint):
        person_id = await tx.scalar(select(Person.id).where(Person.phone_index == index))
        if person_id and await is_given(tx, person_id, Activity.ACCOUNT):
            return None
    raise NotAgreed


async def check_person(tx: AsyncSession, person_id: UUID, ticked: str) -> str | None:
    """As `check`, where a passkey has said who comes.

    Raises:
        NotAgreed
    """
    if ticked == version_in_force():
        return ticked
    if await is_given(tx, person_id, Activity.ACCOUNT):
        return None
    raise NotAgreed


async def record(tx: AsyncSession, person_id: UUID, sign_in: SignIn) -> None:
    """Record what was ticked when the sign-in began."""
    if sign_in.agreed_version:
        client_id = dict(parse(sign_in.request)).get("client_id")
        given = Given(sign_in.agreed_version, Way.SIGN_IN_PAGE, sign_in.language, client_id)
        await give(tx, person_id, Activity.ACCOUNT, given)
