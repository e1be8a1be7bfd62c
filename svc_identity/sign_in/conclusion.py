"""After the right code: first the question whose phone it was, where it is asked, then the second factor or the app."""

from uuid import UUID

from fastapi import Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from svc_identity.oauth.issuer import Issuer
from svc_identity.settings import Settings
from svc_identity.sign_in import continuity
from svc_identity.sign_in.browser import PATH
from svc_identity.sign_in.continuity import Holder
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.number_claims import service as number_claims
from svc_identity.sign_in.second_step import service as second_step
from svc_identity.sign_in.steps import Arrival


async def conclude(
    tx: AsyncSession, issuer: Issuer, settings: Settings, sign_in: SignIn, arrival: Arrival, *, denies: bool
) -> Response:
    """Go on after the right code, or hold the sign-in for the question.

    Raises:
        RequestOverError, PersonSuspended
    """
    if sign_in.former_id is None:  # not asked yet
        match await continuity.holder_of(tx, settings, sign_in, denies=denies):
            case Holder.ASKED:
                await continuity.hold(tx, sign_in)
                return to_question(sign_in.id)
            case Holder.SAME:
                await number_claims.forget_of_phone(tx, sign_in.phone)
            case Holder.NEW:
                await continuity.release_phone(tx, sign_in.phone, sign_in.id)
    return await second_step.go_on(tx, issuer, sign_in, arrival)


def to_question(sign_in_id: UUID) -> Response:
    return RedirectResponse(f"{PATH}/sign-ins/{sign_in_id}/holder", 303, {"Cache-Control": "no-store"})
