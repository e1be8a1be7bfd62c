"""The end of a sign-in whose code was right: back to the app, or first the question whose phone it was."""

from authlib.oauth2 import OAuth2Error
from fastapi import Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.background import BackgroundTask

from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.requests import parse
from svc_identity.settings import Settings
from svc_identity.sign_in import authorization, continuity, delivery
from svc_identity.sign_in.browser import PATH
from svc_identity.sign_in.code_limits import is_new_device
from svc_identity.sign_in.continuity import Holder
from svc_identity.sign_in.devices import described
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.presenters import authorization_refused
from svc_identity.sign_in.provider import Sms


async def conclude(
    tx: AsyncSession, issuer: Issuer, sms: Sms, request: Request, sign_in: SignIn, *, denies: bool
) -> Response:
    """Finish a sign-in after its code, or hold it for the question.

    Raises:
        RequestOverError, PersonSuspended
    """
    settings: Settings = request.app.state.settings
    match await continuity.holder_of(tx, settings, sign_in, denies=denies):
        case Holder.ASKED:
            await continuity.hold(tx, sign_in)
            return to_question(sign_in)
        case Holder.NEW:
            await continuity.release_phone(tx, sign_in)
    return await to_app(tx, issuer, sms, request, sign_in)


async def to_app(tx: AsyncSession, issuer: Issuer, sms: Sms, request: Request, sign_in: SignIn) -> Response:
    """Send the browser back to the app with a code."""
    device, is_new = described(request.headers), await is_new_device(tx, sign_in)
    try:
        response = await authorization.grant(tx, issuer, sign_in, device)
    except OAuth2Error as error:  # the client was changed meanwhile
        return await authorization_refused(tx, issuer, sign_in.language, parse(sign_in.request), error)
    if is_new:
        # Runs after the commit, when the answer has been sent.
        response.background = BackgroundTask(
            delivery.notify_of_new_device, sms, sign_in.phone, sign_in.language, device
        )
    return response


def to_question(sign_in: SignIn) -> Response:
    return RedirectResponse(f"{PATH}/sign-ins/{sign_in.id}/holder", 303, {"Cache-Control": "no-store"})
