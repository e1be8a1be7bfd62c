"""Consents of residents to messages of apps: each is for one message, and can be revoked until it is used."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.pagination import Page, PageRequest, page_of
from chassis.problems import NotFound, Problem
from kit.calendar import database_time
from kit.openid_tickets import OpenidTicket
from svc_miniapps.runtime.standing import hold_standing
from svc_miniapps.runtime.subscriptions import schemas
from svc_miniapps.runtime.subscriptions.models import MessageConsent, Subscriber
from svc_miniapps.runtime.templates.models import MessageTemplate, TemplateStatus
from svc_miniapps.runtime.templates.texts import text_for

MOST_UNUSED = 5
LASTS = timedelta(days=180)


class TicketNotYours(Problem):
    status, code = 403, "ticket_not_yours"


class TooManyConsents(Problem):
    status, code = 409, "too_many_consents"


async def give_consents(
    tx: AsyncSession, caller: Caller, ticket: OpenidTicket, template_ids: Sequence[UUID], language: str | None
) -> schemas.GivenConsents:
    """Record that the caller agrees to one message of each template.

    Raises:
        TicketNotYours: the ticket is of another person.
        NotFound: a template is of another app, or not approved.
        AppTakenDown, AppNotListed
        TooManyConsents: of a template as many are unused as may be.
    """
    if ticket.sub != caller.id:
        raise TicketNotYours
    await hold_standing(tx, ticket.app_id)
    approved = MessageTemplate.app_id == ticket.app_id, MessageTemplate.status == TemplateStatus.APPROVED
    # Shared with others who agree; a reviewer who retires one waits, or is waited for.
    query = select(MessageTemplate).where(MessageTemplate.id.in_(template_ids), *approved).order_by(MessageTemplate.id)
    templates = (await tx.scalars(query.with_for_update(read=True, of=MessageTemplate))).all()
    if len(templates) < len(template_ids):
        raise NotFound
    await _lock_subscriber(tx, ticket)
    given_at = await database_time(tx)
    unused = await count_unused(tx, ticket.app_id, caller.id)
    if any(unused[template.id] >= MOST_UNUSED for template in templates):
        raise TooManyConsents(limit=MOST_UNUSED)
    times = {"given_at": given_at, "expires_at": given_at + LASTS}
    of_whom = {"app_id": ticket.app_id, "person_id": caller.id}
    consents = [MessageConsent(template=template, **of_whom, **times) for template in templates]
    tx.add_all(consents)
    await tx.flush()
    return schemas.GivenConsents(items=[_shown(each, language, given_at) for each in consents])


async def _lock_subscriber(tx: AsyncSession, ticket: OpenidTicket) -> None:
    row = insert(Subscriber).values(app_id=ticket.app_id, person_id=ticket.sub, openid=ticket.openid)
    # The update locks the row also where it changes nothing.
    await tx.execute(
        row.on_conflict_do_update(
            index_elements=[Subscriber.app_id, Subscriber.person_id], set_={"openid": ticket.openid}
        )
    )


def is_open() -> ColumnElement[bool]:
    """Whether a consent can be used."""
    return and_(
        MessageConsent.used_at.is_(None), MessageConsent.ended_at.is_(None), MessageConsent.expires_at > func.now()
    )


async def count_unused(tx: AsyncSession, app_id: UUID, person_id: UUID) -> Counter[UUID]:
    """By template, how many consents of a person to an app's messages are unused."""
    of_whom = MessageConsent.app_id == app_id, MessageConsent.person_id == person_id
    query = select(MessageConsent.template_id, func.count()).where(*of_whom, is_open())
    found = Counter[UUID]()
    for template_id, count in await tx.execute(query.group_by(MessageConsent.template_id)):
        found[template_id] = count
    return found


async def offered_templates(
    tx: AsyncSession, caller: Caller, app_id: UUID, language: str | None
) -> schemas.OfferedTemplates:
    """The approved templates of an app that residents can open."""
    query = select(MessageTemplate).where(
        MessageTemplate.app_id == app_id, MessageTemplate.status == TemplateStatus.APPROVED
    )
    templates = await tx.scalars(query.order_by(MessageTemplate.id))
    unused = await count_unused(tx, app_id, caller.id)
    return schemas.OfferedTemplates(items=[_offered(each, language, unused[each.id]) for each in templates])


def _offered(template: MessageTemplate, language: str | None, unused: int) -> schemas.OfferedTemplate:
    text = text_for(template, language)
    return schemas.OfferedTemplate(
        template_id=template.id,
        language=text["language"],
        title=text["title"],
        labels=[text["labels"][field["name"]] for field in template.fields],
        unused=unused,
        most_unused=MOST_UNUSED,
    )


async def list_consents(
    tx: AsyncSession, caller: Caller, page: PageRequest, language: str | None
) -> Page[schemas.MessageConsent]:
    at = await database_time(tx)
    query = select(MessageConsent).where(MessageConsent.person_id == caller.id)
    return await page_of(tx, query, page, MessageConsent.id, lambda each: _shown(each, language, at), newest_first=True)


async def revoke_consent(tx: AsyncSession, caller: Caller, consent_id: UUID) -> None:
    """End a consent of the caller; one that is used or has ended stays as it is.

    Raises:
        NotFound
    """
    consent = await tx.scalar(_locked(caller.id, consent_id))
    if consent is None:
        raise NotFound
    if consent.used_at is None and consent.ended_at is None:
        consent.ended_at = await database_time(tx)


def _locked(person_id: UUID, consent_id: UUID) -> Select[MessageConsent]:
    mine = MessageConsent.id == consent_id, MessageConsent.person_id == person_id
    return select(MessageConsent).where(*mine).with_for_update(of=MessageConsent)


async def end_consents(tx: AsyncSession, app_id: UUID, before: datetime) -> None:
    """End the consents to an app's messages that were given before a moment and are not used."""
    of_app = MessageConsent.app_id == app_id, MessageConsent.given_at <= before
    unused = MessageConsent.used_at.is_(None), MessageConsent.ended_at.is_(None)
    await tx.execute(update(MessageConsent).where(*of_app, *unused).values(ended_at=func.now()))


def _shown(consent: MessageConsent, language: str | None, at: datetime) -> schemas.MessageConsent:
    return schemas.MessageConsent.of(consent, text_for(consent.template, language)["title"], at)
