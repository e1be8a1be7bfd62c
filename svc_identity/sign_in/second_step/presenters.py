"""The pages of the second factor."""

import io
import json
from typing import Any

import segno
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from kit.fields.phones import mask_phone
from svc_identity.oauth.issuer import Issuer
from svc_identity.people.factors import totp
from svc_identity.people.factors.models import FactorKind
from svc_identity.people.factors.passkeys import RelyingParty, registration_options, request_options
from svc_identity.people.factors.service import factors_of
from svc_identity.settings import Settings
from svc_identity.sign_in import authorization, pages
from svc_identity.sign_in.browser import PATH, Browser
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.passkey_accounts import account_of
from svc_identity.sign_in.refusals import Refused
from svc_identity.sign_in.second_step import service

_GROUP = 4


async def factor_page(
    tx: AsyncSession,
    issuer: Issuer,
    settings: Settings,
    browser: Browser,
    sign_in: SignIn,
    refused: Refused | None = None,
) -> Response:
    """The page of the step at which a sign-in is: a code, the set-up of a factor, or its recovery codes."""
    request = dict(authorization.request_of(issuer, sign_in))
    values: dict[str, Any] = {
        "redirect_uri": request["redirect_uri"],
        "form_token": browser.form_token,
        "action": f"{PATH}/sign-ins/{sign_in.id}/factor",
        "back": f"{PATH}?{sign_in.request}",
    }
    if sign_in.factor_id:
        codes = (sign_in.answer or "").split()
        return pages.page("recovery_codes.html", sign_in.language, codes=codes, **values)
    person_id, is_staff = await service.about(tx, sign_in)
    known = await factors_of(tx, person_id, vouched=is_staff)
    if sign_in.new_factor is None or known:
        keys = [each for each in known if each.kind == FactorKind.PASSKEY]
        options = request_options(RelyingParty.of(settings), sign_in.challenge or b"", keys) if keys else ""
        takes_codes = await service.wanted(tx, issuer, sign_in) != service.PASSKEY_ONLY
        how: dict[str, Any] = {
            "digits": totp.DIGITS,
            "options": options,
            "takes_codes": takes_codes,
            "script": bool(keys),
        }
        return pages.page("factor.html", sign_in.language, refused=refused, **how, **values)
    account, party = account_of(person_id, sign_in.phone, sign_in.language), RelyingParty.of(settings)
    options = registration_options(party, account, sign_in.challenge or b"", ())
    values |= {"options": json.dumps(options), "script": True}
    return await _set_up_page(tx, sign_in, sign_in.new_factor, refused, request["client_id"], values, needed=is_staff)


async def _set_up_page(
    tx: AsyncSession,
    sign_in: SignIn,
    secret: str,
    refused: Refused | None,
    client_id: str,
    values: dict[str, Any],
    *,
    needed: bool,
) -> Response:
    address = totp.address_of(secret, mask_phone(sign_in.phone))
    return pages.page(
        "factor_set_up.html",
        sign_in.language,
        refused=refused,
        qr=_qr(address),
        address=address,
        key=" ".join(_groups(secret)),
        needs_enrolment_code=needed,
        asks_enrolment_code=needed or await service.is_console(tx, client_id),
        **values,
    )


def _qr(address: str) -> Markup:
    drawn = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        drawn, kind="svg", border=3, light="#fff", xmldecl=False, svgns=False, omitsize=True
    )
    return Markup(drawn.getvalue().decode())  # noqa: S704 - drawn here


def _groups(secret: str) -> list[str]:
    return [secret[start : start + _GROUP] for start in range(0, len(secret), _GROUP)]
