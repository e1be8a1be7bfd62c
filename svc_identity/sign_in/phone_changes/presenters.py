"""The pages of a change of phone."""

from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from kit.fields.phones import mask_phone
from svc_identity.people.persons.models import Person
from svc_identity.sign_in import pages
from svc_identity.sign_in import service as sign_ins
from svc_identity.sign_in.browser import PATH, Browser, browser_of, new_browser
from svc_identity.sign_in.phone_changes import codes, lost, service
from svc_identity.sign_in.phone_changes.models import PhoneChange, Way
from svc_identity.sign_in.phone_changes.own import passkey_options
from svc_identity.sign_in.phone_changes.refusals import Contested, NotConfirmed, NotFromYou, NoTriesLeft
from svc_identity.sign_in.phone_changes.service import Needed
from svc_identity.sign_in.refusals import Refused
from svc_identity.sign_in.steps import settings_of
from svc_identity.sign_in.ways import WayOn
from svc_identity.texts import languages

FORM = f"{PATH}/phone-changes"
"""Below the path of the browser's cookie."""
_LAST = (NoTriesLeft, NotFromYou, Contested, NotConfirmed)


def address_of(language: str, *, is_lost: bool) -> str:
    """Of the page on which a change begins."""
    return f"{FORM}?{urlencode({'ui_locales': language} | ({'lost': '1'} if is_lost else {}))}"


def way_back(language: str, *, is_lost: bool = False) -> WayOn:
    return WayOn(address_of(language, is_lost=is_lost), "change_again")


def start_page(
    request: Request, language: str, *, is_lost: bool, refused: Refused | None = None, old: str = "", new: str = ""
) -> Response:
    """The page that asks for both numbers."""
    browser = browser_of(request) or new_browser(settings_of(request))
    response = pages.page(
        "phone_change.html",
        language,
        refused=refused,
        lost=is_lost,
        days=settings_of(request).lost_phone_days,
        form_token=browser.form_token,
        action=FORM,
        old_phone=old,
        new_phone=new,
        other=address_of(language, is_lost=not is_lost),
        languages=[(texts, address_of(texts["tag"], is_lost=is_lost)) for texts in languages().values()],
    )
    browser.remember(response)
    return response


async def confirm_page(
    tx: AsyncSession, request: Request, browser: Browser, change: PhoneChange, refused: Refused | None = None
) -> Response:
    """The page that asks for the codes, and for what else the change needs."""
    is_lost, passed = change.way == Way.LOST, change.codes_passed_at is not None
    needed, options = None, None
    if passed and not is_lost and change.person_id:
        person = await tx.get_one(Person, change.person_id)
        needed = await service.needed_of(tx, person)
        options = await passkey_options(tx, settings_of(request), change, person.id)
    asks_factor = needed is Needed.FACTOR and change.factor_passed_at is None
    return pages.page(
        "phone_change_confirm.html",
        change.language,
        refused=refused,
        lost=is_lost,
        old_phone=mask_phone(change.old_phone or ""),
        new_phone=mask_phone(change.new_phone or ""),
        form_token=browser.form_token,
        action=f"{FORM}/{change.id}",
        back=address_of(change.language, is_lost=is_lost),
        digits=sign_ins.DIGITS,
        minutes=int(codes.CODES_LIFE.total_seconds() // 60),
        asks_codes=not passed,
        asks_identity=is_lost or needed is Needed.OLD_PHONE_AND_IDENTITY,
        asks_factor=asks_factor,
        options=options,
        script=asks_factor and options is not None,
        in_use=change.displaced_id is not None,
        usable=not isinstance(refused, _LAST),
    )


def stop_page(request: Request, language: str, code: str) -> Response:
    """The page that asks whether to stop a change."""
    browser = browser_of(request) or new_browser(settings_of(request))
    response = pages.page(
        "phone_stop.html",
        language,
        form_token=browser.form_token,
        action=lost.STOP_PATH,
        code=code,
        languages=[
            (texts, f"{lost.STOP_PATH}?{urlencode({'code': code, 'ui_locales': texts['tag']})}")
            for texts in languages().values()
        ],
    )
    browser.remember(response)
    return response
