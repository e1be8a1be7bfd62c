"""The authorization request for which somebody signs in."""

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from chassis.db import now
from kit.security_log import record_on_commit
from svc_identity.oauth import pushed
from svc_identity.oauth.app_access import service as app_access
from svc_identity.oauth.contexts import BY_PASSKEY, BY_SMS_AND_CODE, BY_SMS_AND_PASSKEY, BY_SMS_AND_PASSWORD
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.requests import Parameters, Parsed, parse
from svc_identity.oauth.server import AuthorizationServer
from svc_identity.people.factors.models import Factor, FactorKind
from svc_identity.people.persons.models import Person
from svc_identity.people.persons.service import person_of_phone
from svc_identity.people.suspensions.queries import is_suspended
from svc_identity.sign_in import agreement, screens
from svc_identity.sign_in.known_devices import know_device
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.refusals import PasskeyRefused, PersonSuspended
from svc_identity.sign_in.security_log import SIGN_IN_PASSED

AMR_WITH = {FactorKind.TOTP: BY_SMS_AND_CODE, FactorKind.PASSKEY: BY_SMS_AND_PASSKEY}


def request_of(issuer: Issuer, sign_in: SignIn) -> Parameters:
    """The authorization request of a sign-in; a reference that was good when it began stays good for it.

    Raises:
        RequestOverError
    """
    parameters = parse(sign_in.request)
    if screens.is_for_device(parameters):
        return screens.request_of(issuer, parameters)
    return pushed.resolve(issuer.request_key, parameters, sign_in.created_at)


async def check(tx: AsyncSession, issuer: Issuer, parameters: Parameters) -> Parsed:
    """The authorization request, when the client may make it.

    Raises:
        RequestOverError: its reference is good no more.
        OAuth2Error: with the app's address in it, unless that is what is wrong.
    """
    if screens.is_for_device(parameters):
        return await screens.check(tx, issuer, parameters)
    resolved = pushed.resolve(issuer.request_key, parameters, now())
    parsed = Parsed("GET", issuer.address("authorize"), resolved)
    parsed.pushed = pushed.is_reference(parameters)
    await tx.run_sync(lambda session: AuthorizationServer(session, issuer).get_consent_grant(parsed))
    return parsed


async def grant(tx: AsyncSession, issuer: Issuer, sign_in: SignIn, device: str | None) -> Response:
    """Send the browser back to the app with a code for the person of the phone, who is registered now when new.

    Where a device waits, it is signed in instead.

    Raises:
        RequestOverError: another sign-in has used its reference.
        PersonSuspended
        OAuth2Error: the client was changed since the request was checked.
    """
    parameters = parse(sign_in.request)
    await pushed.use(tx, parameters)
    person = await _person_of(tx, sign_in)
    if await is_suspended(tx, person.id):
        raise PersonSuspended
    await agreement.record(tx, person.id, sign_in)
    if screens.is_for_device(parameters):
        response, parsed = await screens.approve(tx, issuer, parameters, person, sign_in.id)
    else:
        parsed = Parsed("GET", issuer.address("authorize"), request_of(issuer, sign_in))
        parsed.device, parsed.pushed = device, pushed.is_reference(parameters)
        if sign_in.factor_id:
            factor = await tx.get_one(Factor, sign_in.factor_id)
            amr = BY_PASSKEY if sign_in.person_id else AMR_WITH[FactorKind(factor.kind)]
            parsed.amr, parsed.factor_id = amr, factor.id
        elif sign_in.password_passed_at:
            parsed.amr = BY_SMS_AND_PASSWORD
        response = await tx.run_sync(lambda session: AuthorizationServer(session, issuer).authorize(parsed, person))
    client_id = parsed.payload.client_id
    await app_access.record(tx, person.id, client_id, parsed.payload.scope.split(), sign_in.language)
    record_on_commit(tx, SIGN_IN_PASSED, person_id=person.id, client_id=client_id, sign_in_id=sign_in.id)
    sign_in.answer = response.headers.get("location")
    if sign_in.person_id is None:  # a passkey proves no phone
        await know_device(tx, sign_in)
    return response


async def _person_of(tx: AsyncSession, sign_in: SignIn) -> Person:
    if sign_in.person_id is None:
        return await person_of_phone(tx, sign_in.phone)
    person = await tx.get_one(Person, sign_in.person_id)
    if person.closed_at:
        raise PasskeyRefused
    return person
