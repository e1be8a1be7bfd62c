"""The authorization request for which somebody signs in."""

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from kit.security_log import record_on_commit
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.requests import Parameters, Parsed, parse
from svc_identity.oauth.server import AuthorizationServer
from svc_identity.people.persons.service import person_of_phone
from svc_identity.sign_in.code_limits import know_device
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.security_log import SIGN_IN_PASSED


async def check(tx: AsyncSession, issuer: Issuer, parameters: Parameters) -> Parsed:
    """The authorization request, when the client may make it.

    Raises:
        OAuth2Error: with the app's address in it, unless that is what is wrong.
    """
    parsed = Parsed("GET", issuer.address("authorize"), parameters)
    await tx.run_sync(lambda session: AuthorizationServer(session, issuer).get_consent_grant(parsed))
    return parsed


async def grant(tx: AsyncSession, issuer: Issuer, sign_in: SignIn) -> Response:
    """Send the browser back to the app with a code for the person of the phone, who is registered now when new.

    Raises:
        OAuth2Error: the client was changed since the request was checked.
    """
    parsed = Parsed("GET", issuer.address("authorize"), parse(sign_in.request))
    person = await person_of_phone(tx, sign_in.phone)
    response = await tx.run_sync(lambda session: AuthorizationServer(session, issuer).authorize(parsed, person))
    client_id = parsed.payload.client_id
    record_on_commit(tx, SIGN_IN_PASSED, person_id=person.id, client_id=client_id, sign_in_id=sign_in.id)
    sign_in.answer = response.headers.get("location")
    await know_device(tx, sign_in)
    return response
