"""The caller's own phone: moved to another number, and a change of a lost phone seen and stopped."""

from uuid import UUID

from fastapi import APIRouter, Request

from chassis.db import ReadTx, Transactions, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery, page_of
from svc_identity.oauth.endpoints import TheIssuer
from svc_identity.oauth.freshness import require_fresh
from svc_identity.people.agreements.endpoints import AcceptLanguage
from svc_identity.people.persons.endpoints import Somebody
from svc_identity.settings import Settings
from svc_identity.sign_in.carriers import TheSms
from svc_identity.sign_in.phone_changes import codes, own, schemas
from svc_identity.sign_in.phone_changes.models import PhoneChange
from svc_identity.sign_in.phone_changes.refusals import problem_of
from svc_identity.sign_in.refusals import Refused
from svc_identity.texts import choose_language

router = APIRouter(prefix="/identity/v1/me/phone-changes", tags=["persons"])


@router.get("")
async def list_my_phone_changes(tx: ReadTx, caller: Somebody, page: PageQuery) -> Page[schemas.PhoneChange]:
    """List the caller's changes of phone that wait or have ended, newest first."""
    return await page_of(tx, own.listed(caller.id), page, PhoneChange.id, own.show, newest_first=True)


@router.post("", status_code=201)
async def begin_phone_change(  # noqa: PLR0913, PLR0917 - each is a dependency
    transactions: Transactions,
    caller: Somebody,
    issuer: TheIssuer,
    once: OnceKey,
    sms: TheSms,
    request: Request,
    body: schemas.PhoneChangeRequest,
    accept_language: AcceptLanguage = "",
) -> schemas.BegunPhoneChange:
    """Begin to move to another phone number: send a code there, and one to the old number where it is needed.

    Needs a sign-in within ten minutes, with a second factor where the person has one; else 401 with the challenge of
    RFC 9470. Whoever has no number any more, because it went to somebody else, cannot sign in anew: any sign-in will
    do, and `confirm_with` asks for the second factor, or for name and ID number. A sign-in may begin five a day.
    """
    settings: Settings = request.app.state.settings
    address, language = request.client.host if request.client else "", choose_language("", accept_language)
    try:
        async with transactions.transaction() as tx:
            if await own.has_phone(tx, caller.id):
                await require_fresh(tx, issuer, request)
            await once.claim(tx, caller)
            where = own.Where(address, language)
            change, to_send = await own.begin(tx, settings, caller, body.new_phone, where)
        await codes.send(transactions, sms, language, to_send)
        async with transactions.transaction() as tx:  # stored only where the codes have left
            return await once.do(tx, caller, own.begun(tx, settings, change))
    except Refused as refused:
        raise problem_of(refused) from None


@router.post("/{phone_change_id}/confirm")
async def confirm_phone_change(
    transactions: Transactions,
    caller: Somebody,
    once: OnceKey,
    request: Request,
    phone_change_id: UUID,
    body: schemas.PhoneChangeConfirmation,
) -> schemas.PhoneChange:
    """Confirm a change with the codes, by the sign-in that began it.

    The old number gets a message, and every other sign-in of the person ends. A number that another account has is
    refused with 409 `phone_in_use` until `takes_over` says that it may be taken; nothing else of that account is.
    """
    try:
        async with transactions.transaction() as tx:
            await once.claim(tx, caller)
            refused = await own.confirm(tx, request.app.state.settings, caller, phone_change_id, body)
            if refused is None:
                return await once.do(tx, caller, own.shown(tx, phone_change_id))
    except Refused as over:
        raise problem_of(over) from None
    raise problem_of(refused)


@router.post("/{phone_change_id}/stop")
async def cancel_phone_change(tx: Tx, caller: Somebody, once: OnceKey, phone_change_id: UUID) -> schemas.PhoneChange:
    """Cancel a change of a lost phone that waits. Idempotent."""
    return await once.do(tx, caller, own.stop(tx, caller, phone_change_id))
