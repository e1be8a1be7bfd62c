"""Messages of apps to residents: one consent, one message; the resident reads them in the residents' app."""

from uuid import UUID

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import new_id
from chassis.outbox import emit
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from kit.calendar import database_time
from svc_miniapps.publishing.take_downs.models import HAS_EFFECT, TakeDown
from svc_miniapps.runtime.links.addresses import address_of
from svc_miniapps.runtime.messages import schemas
from svc_miniapps.runtime.messages.events import MessageSent
from svc_miniapps.runtime.messages.models import AppMessage
from svc_miniapps.runtime.standing import hold_standing, require_client
from svc_miniapps.runtime.subscriptions.models import MessageConsent, Subscriber
from svc_miniapps.runtime.subscriptions.service import is_open
from svc_miniapps.runtime.templates.models import MessageTemplate, TemplateStatus
from svc_miniapps.runtime.templates.texts import text_for
from svc_miniapps.runtime.templates.words import fits


class NoConsent(Problem):
    """One answer for an unknown openid, one of another app, and a resident who has not agreed: it tells nothing."""

    status, code = 409, "no_message_consent"


class MessageIdUsed(Problem):
    status, code = 409, "message_id_used"


class ValuesRefused(Problem):
    status, code = 422, "message_values_refused"


async def send_message(tx: AsyncSession, app_id: UUID, message_id: str, new: schemas.NewMessage) -> schemas.SentMessage:
    """Put a message into the inbox of the resident whom the app knows by this openid; a repetition changes nothing.

    Raises:
        NotFound: the template is of another app, or not approved.
        AppServerSuspended, AppTakenDown, AppNotListed
        ValuesRefused: the values are not those of the template.
        NoConsent: nothing that the resident agreed to is left.
        MessageIdUsed: another message has this id.
    """
    await hold_standing(tx, app_id)
    await require_client(tx, app_id)
    subscriber = await _locked_subscriber(tx, app_id, new.openid)
    if known := await _known(tx, app_id, message_id):
        return _same(known, new, subscriber)
    template = await _sendable(tx, app_id, new)
    if subscriber is None:
        raise NoConsent
    consent = await _next_consent(tx, subscriber, template)
    consent.used_at = await database_time(tx)
    values = {"id": new_id(), "app_id": app_id, "message_id": message_id, "sent_at": consent.used_at}
    values |= {"template_id": template.id, "consent_id": consent.id, "person_id": subscriber.person_id}
    values |= {"values": new.values, "page_query": new.page_query}
    # Two residents' messages under one id take no lock of each other's: the constraint decides.
    added = insert(AppMessage).values(values).on_conflict_do_nothing().returning(AppMessage.id)
    if await tx.scalar(added) is None:
        raise MessageIdUsed
    about = {"inbox_message_id": values["id"], "template_id": template.id, "person_id": subscriber.person_id}
    await emit(tx, MessageSent(app_id=app_id, **about))
    return schemas.SentMessage.of(await tx.get_one(AppMessage, values["id"]))


async def _locked_subscriber(tx: AsyncSession, app_id: UUID, openid: UUID) -> Subscriber | None:
    of_app = Subscriber.app_id == app_id, Subscriber.openid == openid
    return await tx.scalar(select(Subscriber).where(*of_app).with_for_update())


async def _known(tx: AsyncSession, app_id: UUID, message_id: str) -> AppMessage | None:
    return await tx.scalar(select(AppMessage).where(AppMessage.app_id == app_id, AppMessage.message_id == message_id))


def _same(known: AppMessage, new: schemas.NewMessage, subscriber: Subscriber | None) -> schemas.SentMessage:
    """The known message, if it was the same request; of one that was removed the values are not compared."""
    is_same = subscriber is not None and known.person_id == subscriber.person_id
    is_same = is_same and known.template_id == new.template_id
    if not known.removed_at:
        is_same = is_same and known.values == new.values and known.page_query == new.page_query
    if not is_same:
        raise MessageIdUsed
    return schemas.SentMessage.of(known)


async def _sendable(tx: AsyncSession, app_id: UUID, new: schemas.NewMessage) -> MessageTemplate:
    approved = MessageTemplate.app_id == app_id, MessageTemplate.status == TemplateStatus.APPROVED
    query = select(MessageTemplate).where(MessageTemplate.id == new.template_id, *approved)
    template = await tx.scalar(query.with_for_update(read=True, of=MessageTemplate))
    if template is None:
        raise NotFound
    fields = {field["name"]: field for field in template.fields}
    wrong = {*(fields.keys() ^ new.values.keys())}
    wrong |= {name for name, field in fields.items() if name in new.values and not fits(field, new.values[name])}
    if wrong:
        raise ValuesRefused(fields=", ".join(sorted(wrong)))
    return template


async def _next_consent(tx: AsyncSession, subscriber: Subscriber, template: MessageTemplate) -> MessageConsent:
    of_whom = MessageConsent.app_id == subscriber.app_id, MessageConsent.person_id == subscriber.person_id
    query = select(MessageConsent).where(*of_whom, MessageConsent.template_id == template.id, is_open())
    oldest = query.order_by(MessageConsent.expires_at, MessageConsent.id).limit(1)
    consent = await tx.scalar(oldest.with_for_update(of=MessageConsent))
    if consent is None:
        raise NoConsent
    return consent


async def get_sent(tx: AsyncSession, app_id: UUID, message_id: str) -> schemas.SentMessage:
    """What became of a message of the app."""
    message = await _known(tx, app_id, message_id)
    if message is None:
        raise NotFound
    return schemas.SentMessage.of(message)


async def list_inbox(
    tx: AsyncSession, caller: Caller, page: PageRequest, language: str | None
) -> Page[schemas.InboxMessage]:
    """The caller's messages, without those of apps that are taken down."""
    is_down = exists().where(TakeDown.app_id == AppMessage.app_id, TakeDown.status.in_(HAS_EFFECT))
    kept = AppMessage.sent_at > func.now() - schemas.KEPT
    query = select(AppMessage).where(AppMessage.person_id == caller.id, AppMessage.removed_at.is_(None), kept, ~is_down)
    return await page_of(tx, query, page, AppMessage.id, lambda each: _shown(each, language), newest_first=True)


def _shown(message: AppMessage, language: str | None) -> schemas.InboxMessage:
    template = message.template
    text = text_for(template, language)
    names = [field["name"] for field in template.fields]
    return schemas.InboxMessage(
        inbox_message_id=message.id,
        app_id=message.app_id,
        app_name=template.app.name,
        language=text["language"],
        title=text["title"],
        lines=[schemas.MessageLine(label=text["labels"][name], value=message.values[name]) for name in names],
        link=address_of(message.app_id, template.page, message.page_query),
        sent_at=message.sent_at,
        read_at=message.read_at,
    )


async def mark_read(tx: AsyncSession, caller: Caller, inbox_message_id: UUID) -> None:
    """Note that the caller has read a message; again changes nothing.

    Raises:
        NotFound
    """
    message = await _own(tx, caller, inbox_message_id)
    message.read_at = message.read_at or await database_time(tx)


async def remove_message(tx: AsyncSession, caller: Caller, inbox_message_id: UUID) -> None:
    """Remove a message of the caller with its values; its row stays, so that its id sends nothing again.

    Raises:
        NotFound
    """
    message = await _own(tx, caller, inbox_message_id)
    message.removed_at, message.values, message.page_query = await database_time(tx), {}, None


async def _own(tx: AsyncSession, caller: Caller, inbox_message_id: UUID) -> AppMessage:
    mine = AppMessage.id == inbox_message_id, AppMessage.person_id == caller.id, AppMessage.removed_at.is_(None)
    query: Select[AppMessage] = select(AppMessage).where(*mine)
    message = await tx.scalar(query.with_for_update(of=AppMessage))
    if message is None:
        raise NotFound
    return message


async def erase_person(tx: AsyncSession, person_id: UUID) -> None:
    """Delete what apps know and sent of a person who has closed their account."""
    for table in (AppMessage, MessageConsent, Subscriber):
        await tx.execute(delete(table).where(table.person_id == person_id))
