"""The pages on which people move to another phone number, also from a lost one, and stop what they did not begin.

A client without a browser posts all hidden fields of a form and what it asks for, and keeps the cookie.
"""

from collections.abc import Mapping
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.db import Database, ReadTx, Transactions
from svc_identity.fields import normalise_phone
from svc_identity.oauth.endpoints import form
from svc_identity.oauth.requests import parse, parse_form
from svc_identity.people.proofing.models import Outcome
from svc_identity.people.proofing.provider import PopulationRegistry, Registry
from svc_identity.people.proofing.schemas import Proof
from svc_identity.settings import Settings
from svc_identity.sign_in import pages
from svc_identity.sign_in.browser import browser_of
from svc_identity.sign_in.carriers import TheSms
from svc_identity.sign_in.endpoints import OWN_BROWSER, PUBLIC, pages_router
from svc_identity.sign_in.phone_changes import by_page, codes, lost, presenters
from svc_identity.sign_in.phone_changes.models import PhoneChange, Way
from svc_identity.sign_in.phone_changes.refusals import ChangeOver, NotConfirmed, NoTriesLeft
from svc_identity.sign_in.phone_changes.service import PHONE_CHANGE_FAILED
from svc_identity.sign_in.presenters import language_of, last_page
from svc_identity.sign_in.provider import Sms
from svc_identity.sign_in.refusals import Refused, WrongPhone
from svc_identity.sign_in.second_taps import is_first, is_known
from svc_identity.sign_in.steps import address_of, own_browser, settings_of

router: APIRouter = pages_router()
_GO_ON: dict[int | str, dict[str, str]] = {303: {"description": "To the page that asks for the codes"}}
_TYPED = ("new_code", "old_code", "name", "id_number", "factor_code", "assertion", "takes_over", "ui_locales")


@router.get("/authorize/phone-changes", dependencies=[PUBLIC])
async def show_phone_change(request: Request) -> Response:
    """Show the page that asks for the old and the new number; with `lost`, for a number that is no longer there."""
    parameters = parse(request.url.query)
    return presenters.start_page(request, language_of(request, parameters), is_lost="lost" in dict(parameters))


@router.post(
    "/authorize/phone-changes",
    dependencies=[OWN_BROWSER],
    responses=_GO_ON,
    openapi_extra=form("form_token", "old_phone", "new_phone", optional=("lost", "ui_locales")),
)
async def begin_on_page(transactions: Transactions, sms: TheSms, request: Request) -> Response:
    """Begin a change: send a code to the new number, and unless it is lost to the old one."""
    parameters = await parse_form(request)
    fields, language = dict(parameters), language_of(request, parameters)
    is_lost, old, new = "lost" in fields, fields.get("old_phone", ""), fields.get("new_phone", "")
    try:
        change = await _begin(transactions, sms, request, language, fields)
    except Refused as refused:
        PHONE_CHANGE_FAILED.record(refused.text)
        return presenters.start_page(request, language, is_lost=is_lost, refused=refused, old=old, new=new)
    return _to(change.id)


async def _begin(
    database: Database, sms: Sms, request: Request, language: str, fields: Mapping[str, str]
) -> PhoneChange:
    browser = own_browser(request, fields)
    way = Way.LOST if "lost" in fields else Way.OLD_PHONE
    try:
        old, new = normalise_phone(fields.get("old_phone", "")), normalise_phone(fields.get("new_phone", ""))
    except ValueError:
        raise WrongPhone from None
    origin = codes.Origin(request.client.host if request.client else "", language, browser.fingerprint)
    async with database.transaction() as tx:
        change, to_send = await by_page.begin(tx, settings_of(request), origin, way, old, new)
    await codes.send(database, sms, language, to_send)
    return change


@router.get("/authorize/phone-changes/{phone_change_id}", dependencies=[OWN_BROWSER])
async def show_phone_codes(tx: ReadTx, request: Request, phone_change_id: UUID) -> Response:
    """Show the page that asks for the codes, and for what else the change needs."""
    try:
        browser = own_browser(request)
        change = await by_page.of_browser(tx, phone_change_id, browser.fingerprint)
        return await presenters.confirm_page(tx, request, browser, change)
    except Refused as refused:
        return await _ended(tx, request, refused, phone_change_id)


@router.post(
    "/authorize/phone-changes/{phone_change_id}",
    dependencies=[OWN_BROWSER],
    responses=_GO_ON,
    openapi_extra=form("form_token", optional=_TYPED),
)
async def confirm_on_page(
    transactions: Transactions, registry: Registry, request: Request, phone_change_id: UUID
) -> Response:
    """Take a change a step further: the codes, then what else it needs. The end is a page that says what happens.

    Where the phone is lost, name and ID number are checked against the population registry, and the change waits.
    """
    fields = dict(await parse_form(request))
    try:
        browser = own_browser(request, fields)
        async with transactions.transaction() as tx:
            change = await by_page.of_browser(tx, phone_change_id, browser.fingerprint, locked=True)
            refused = await _step(tx, settings_of(request), change, fields)
            if isinstance(refused, NoTriesLeft):
                next_change = await codes.next_begin_in(tx, settings_of(request), change, address_of(request))
                refused.wait = max(refused.wait or 0, next_change)
        if refused is None and change.way == Way.LOST:
            refused = await _wait(transactions, registry, request, browser.fingerprint, change.id, fields)
    except Refused as over:
        async with transactions.read() as tx:
            done = (
                await by_page.done_just_now(tx, phone_change_id, browser_of(request))
                if isinstance(over, ChangeOver)
                else None
            )
            return _done(request, done) if done else await _ended(tx, request, over, phone_change_id, fields)
    if isinstance(refused, by_page.MoreNeeded):
        return _to(phone_change_id)
    if refused:
        PHONE_CHANGE_FAILED.record(refused.text, phone_change_id=phone_change_id)
        async with transactions.read() as tx:
            return await presenters.confirm_page(tx, request, browser, change, refused)
    return _done(request, change)


async def _step(tx: AsyncSession, settings: Settings, change: PhoneChange, fields: Mapping[str, str]) -> Refused | None:
    """What the codes and the rest lead to; the same again, where it was wrong, to the same."""
    if refused := await by_page.repeated(tx, change, fields):
        return refused
    step = lost.prove if change.way == Way.LOST else by_page.confirm
    refused = await step(tx, settings, change, by_page.given_in(fields))
    if refused or change.way != Way.LOST:
        await by_page.remember(tx, change, fields, refused)
    return refused


def _done(request: Request, change: PhoneChange) -> Response:
    done, days = "phone_waits" if change.way == Way.LOST else "phone_done", settings_of(request).lost_phone_days
    return pages.page("phone_notice.html", change.language, heading=done, lead=f"{done}_lead", days=days)


async def _wait(
    database: Database,
    registry: PopulationRegistry,
    request: Request,
    browser: bytes,
    change_id: UUID,
    fields: Mapping[str, str],
) -> Refused | None:
    given = by_page.given_in(fields)
    proof = Proof(name=given.name, id_number=given.id_number)
    if await registry.verify(proof.name, proof.id_number) is not Outcome.MATCH:
        return NotConfirmed()
    async with database.transaction() as tx:
        change = await by_page.of_browser(tx, change_id, browser, locked=True)
        refused = await lost.wait(tx, settings_of(request), change, given)
        await by_page.remember(tx, change, fields, refused)
        return refused


@router.get("/authorize/phone-stop", dependencies=[PUBLIC])
async def show_phone_stop(request: Request) -> Response:
    """Show the page that stops a change of which a message came to the old number."""
    parameters = parse(request.url.query)
    return presenters.stop_page(request, language_of(request, parameters), dict(parameters).get("code", ""))


@router.post(
    "/authorize/phone-stop",
    dependencies=[OWN_BROWSER],
    openapi_extra=form("form_token", "code", optional=("ui_locales",)),
)
async def cancel_on_page(transactions: Transactions, request: Request) -> Response:
    """Cancel a change of a lost phone by the code that the old number got."""
    parameters = await parse_form(request)
    fields, language = dict(parameters), language_of(request, parameters)
    try:
        browser = own_browser(request, fields)
        async with transactions.transaction() as tx:
            code = fields.get("code", "")
            stopped = await lost.stop(tx, code)
            if stopped:
                await is_first(tx, "phone change stopped", browser.secret, code)
            else:  # by the first of two taps
                stopped = await is_known(tx, "phone change stopped", browser.secret, code)
        if not stopped:
            raise ChangeOver
    except Refused as refused:
        return last_page(PHONE_CHANGE_FAILED, language, refused, presenters.way_back(language))
    return pages.page("notice.html", language, heading="phone_stopped", lead="phone_stopped_lead")


async def _ended(
    tx: AsyncSession, request: Request, refused: Refused, change_id: UUID, fields: Mapping[str, str] | None = None
) -> Response:
    """The last page of a change, in its language where this browser began it."""
    browser, change = browser_of(request), await tx.get(PhoneChange, change_id)
    own = change is not None and browser is not None and change.browser_hash == browser.fingerprint
    language = change.language if change and own else language_of(request, [*(fields or {}).items()])
    return last_page(PHONE_CHANGE_FAILED, language, refused, presenters.way_back(language))


def _to(change_id: UUID) -> Response:
    return RedirectResponse(f"{presenters.FORM}/{change_id}", 303, {"Cache-Control": "no-store"})
