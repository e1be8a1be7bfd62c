from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Request

from chassis.db import ReadTx, Tx
from chassis.idempotency import OnceKey
from chassis.pagination import Page, PageQuery
from kit.openid_tickets import read_ticket
from svc_miniapps.fields import LanguageTag
from svc_miniapps.runtime.callers import Resident
from svc_miniapps.runtime.subscriptions import schemas, service

router = APIRouter(prefix="/miniapps/v1/me", tags=["messages"])

Language = Annotated[LanguageTag | None, Query(max_length=35, description="BCP 47 tag of the reader.")]


@router.get("/apps/{app_id}/message-templates")
async def list_offered_message_templates(
    tx: ReadTx, caller: Resident, app_id: UUID, language: Language = None
) -> schemas.OfferedTemplates:
    """List what messages of a mini-app the caller can agree to."""
    return await service.offered_templates(tx, caller, app_id, language)


@router.post("/message-consents", status_code=201)
async def give_message_consents(
    tx: Tx, caller: Resident, request: Request, once: OnceKey, body: schemas.NewConsents, language: Language = None
) -> schemas.GivenConsents:
    """Record that the caller agrees to one message of each of these templates.

    Ask on a page of the residents' app that names the mini-app. At most five messages of a template wait to be used.
    """
    ticket = await read_ticket(request.app.state.token_verifier, body.openid_ticket)
    return await once.do(tx, caller, service.give_consents(tx, caller, ticket, body.template_ids, language))


@router.get("/message-consents")
async def list_message_consents(
    tx: ReadTx, caller: Resident, page: PageQuery, language: Language = None
) -> Page[schemas.MessageConsent]:
    """List the caller's consents to messages of mini-apps, newest first."""
    return await service.list_consents(tx, caller, page, language)


@router.delete("/message-consents/{consent_id}", status_code=204)
async def revoke_message_consent(tx: Tx, caller: Resident, consent_id: UUID) -> None:
    """Revoke a consent to a message. One that was used stays as it is."""
    await service.revoke_consent(tx, caller, consent_id)
