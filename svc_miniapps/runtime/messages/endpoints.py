from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from chassis.db import ReadTx, Tx
from chassis.pagination import Page, PageQuery
from svc_miniapps.runtime.callers import Resident
from svc_miniapps.runtime.calls.counting import counted
from svc_miniapps.runtime.calls.models import Operation
from svc_miniapps.runtime.messages import schemas, service
from svc_miniapps.runtime.subscriptions.endpoints import Language

router = APIRouter(prefix="/miniapps/v1", tags=["messages"])

Sending = Annotated[UUID, counted(Operation.SEND_MESSAGE)]
Getting = Annotated[UUID, counted(Operation.GET_MESSAGE)]


@router.put("/app-messages/{message_id}")
async def send_message(
    app_id: Sending, tx: Tx, message_id: schemas.MessageId, body: schemas.NewMessage
) -> schemas.SentMessage:
    """Send a resident a message of the calling mini-app, by one consent of theirs.

    The id is the server's own. The same request again answers what became of the message and sends nothing.
    """
    return await service.send_message(tx, app_id, message_id, body)


@router.get("/app-messages/{message_id}")
async def get_sent_message(app_id: Getting, tx: ReadTx, message_id: schemas.MessageId) -> schemas.SentMessage:
    """Get what became of a message of the calling mini-app."""
    return await service.get_sent(tx, app_id, message_id)


@router.get("/me/messages")
async def list_my_messages(
    tx: ReadTx, caller: Resident, response: Response, page: PageQuery, language: Language = None
) -> Page[schemas.InboxMessage]:
    """List the messages that mini-apps have sent the caller, newest first."""
    response.headers["Cache-Control"] = "no-store"
    return await service.list_inbox(tx, caller, page, language)


@router.put("/me/messages/{inbox_message_id}/read", status_code=204)
async def mark_message_read(tx: Tx, caller: Resident, inbox_message_id: UUID) -> None:
    """Mark a message of the caller as read."""
    await service.mark_read(tx, caller, inbox_message_id)


@router.delete("/me/messages/{inbox_message_id}", status_code=204)
async def remove_message(tx: Tx, caller: Resident, inbox_message_id: UUID) -> None:
    """Remove a message from the caller's inbox, with what it said."""
    await service.remove_message(tx, caller, inbox_message_id)
