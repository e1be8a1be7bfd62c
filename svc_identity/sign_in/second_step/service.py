"""The second factor of a sign-in: asked for where app, staff console or person want it, and set up where none is.

Whoever holds a role sets up the first one with an enrolment code: a stolen phone number is not enough.
"""

import secrets
from collections.abc import Mapping
from uuid import UUID

from authlib.oauth2 import OAuth2Error
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from chassis.auth import TWO_FACTORS
from chassis.db import now
from svc_identity.oauth.contexts import wanted_of
from svc_identity.oauth.issuer import STAFF_ONLY, Issuer
from svc_identity.oauth.models import Client
from svc_identity.oauth.server import redirect_to_app
from svc_identity.organisations.queries import holds_role
from svc_identity.people.factors import codes, totp
from svc_identity.people.factors import service as factors
from svc_identity.people.factors.models import FactorKind
from svc_identity.people.factors.passkeys import CHALLENGE_BYTES, RelyingParty
from svc_identity.people.factors.passkeys import registered as made_of
from svc_identity.people.persons.service import known_person, person_of_phone, registered
from svc_identity.settings import Settings
from svc_identity.sign_in import agreement, authorization, steps
from svc_identity.sign_in import service as sign_ins
from svc_identity.sign_in.models import SignIn
from svc_identity.sign_in.password_step import service as password_step
from svc_identity.sign_in.refusals import PasskeyRefused, Refused, TooOften
from svc_identity.sign_in.steps import to_password

APP_NAME, PASSKEY_NAME = "TOTP", "Passkey"
PASSKEY_ONLY = {TWO_FACTORS[1]}


class WrongFactorCode(Refused):
    text = "wrong_factor_code"


class WrongEnrolmentCode(Refused):
    text = "wrong_enrolment_code"


class FactorBlocked(TooOften):
    text = "factor_blocked"


class NoPasskeyError(OAuth2Error):  # type: ignore[misc]  # Authlib ships no types
    """OpenID Connect Core Unmet Authentication Requirements 1.0."""

    error = "unmet_authentication_requirements"
    description = "the person has no passkey; ask for two factors, or let them add one"


async def go_on(tx: AsyncSession, issuer: Issuer, sign_in: SignIn, arrival: steps.Arrival) -> Response:
    """Continue after the right texted code: back to the app, or to the second factor where it is needed."""
    try:
        needed = await wanted(tx, issuer, sign_in)
    except OAuth2Error:  # its request is over, which the way to the app says
        needed = set()
    if await password_step.is_asked(tx, sign_in):  # also before a first factor is set up: a thief of the number could
        sign_in.phone_passed_at, sign_in.finished_at = now(), None
        return to_password(sign_in.id)
    if not needed and not await has_factor(tx, sign_in):
        return await steps.to_app(tx, issuer, sign_in, arrival)
    sign_in.phone_passed_at, sign_in.finished_at = sign_in.phone_passed_at or now(), None
    person_id, is_staff = await about(tx, sign_in)
    await agreement.record(tx, person_id, sign_in)  # who is registered now has agreed
    known = await factors.factors_of(tx, person_id, vouched=is_staff)
    if needed == PASSKEY_ONLY and not any(factor.kind == FactorKind.PASSKEY for factor in known):
        sign_in.finished_at = now()
        return unmet(issuer, sign_in)
    sign_in.challenge = secrets.token_bytes(CHALLENGE_BYTES)
    if sign_in.new_factor is None and not known:
        sign_in.new_factor = totp.new_secret()
    return steps.to_factor(sign_in.id)


def unmet(issuer: Issuer, sign_in: SignIn) -> Response:
    """Tell the app that the person cannot sign in as it asks."""
    request = dict(authorization.request_of(issuer, sign_in))
    state = [("state", request["state"])] if "state" in request else []
    return redirect_to_app(issuer, NoPasskeyError(redirect_uri=request["redirect_uri"]), state)


async def wanted(tx: AsyncSession, issuer: Issuer, sign_in: SignIn) -> set[str]:
    """The contexts of which the app needs one; none where the texted code alone will do."""
    request = dict(authorization.request_of(issuer, sign_in))
    asked = wanted_of(request.get("acr_values", ""))
    return asked or (set(TWO_FACTORS) if await is_console(tx, request["client_id"]) else set())


async def has_factor(tx: AsyncSession, sign_in: SignIn) -> bool:
    """Whether the person has a factor of their own, which is asked for wherever they sign in."""
    person_id = await registered(tx, sign_in.phone)
    return person_id is not None and bool(await factors.factors_of(tx, person_id))


async def is_console(tx: AsyncSession, client_id: str) -> bool:
    """Whether an app is of staff, who may have been given an enrolment code before their role."""
    client = await tx.get(Client, client_id)
    return client is not None and STAFF_ONLY in client.scopes


async def about(tx: AsyncSession, sign_in: SignIn) -> tuple[UUID, bool]:
    """The person, who is registered when new, and whether they hold a role."""
    person_id = await registered(tx, sign_in.phone) or (await person_of_phone(tx, sign_in.phone)).id
    return person_id, await holds_role(tx, person_id)


async def passed_phone(tx: AsyncSession, sign_in_id: UUID, browser: bytes, *, for_update: bool = False) -> SignIn:
    """A running sign-in of this browser whose texted code was right.

    Raises:
        SignInOver
    """
    sign_in = await sign_ins.running(tx, sign_in_id, browser, for_update=for_update)
    if sign_in.phone_passed_at is None or await password_step.is_asked(tx, sign_in):
        raise sign_ins.SignInOver
    return sign_in


async def waits_for_password(tx: AsyncSession, sign_in_id: UUID, browser: bytes) -> bool:
    """Whether the page of the password comes before that of the factor.

    Raises:
        SignInOver
    """
    sign_in = await sign_ins.running(tx, sign_in_id, browser)
    return sign_in.phone_passed_at is not None and await password_step.is_asked(tx, sign_in)


async def submit(
    tx: AsyncSession, issuer: Issuer, settings: Settings, sign_in: SignIn, fields: Mapping[str, str]
) -> Refused | None:
    """Finish a locked sign-in with a code or a passkey, or set up a factor, or return the refusal.

    It is not raised, because the same transaction has to commit the counted try.
    """
    typed, enrolment_code = fields.get("code", ""), fields.get("enrolment_code", "")
    if sign_in.factor_id:  # set up by the first of two taps
        return None
    person_id, is_staff = await about(tx, sign_in)
    wants_code = enrolment_code if enrolment_code or is_staff else None
    if assertion := fields.get("assertion"):
        return await _check_passkey(tx, settings, sign_in, person_id, assertion, is_staff=is_staff)
    if await factors.factors_of(tx, person_id, vouched=is_staff):
        if await wanted(tx, issuer, sign_in) == PASSKEY_ONLY:
            return PasskeyRefused()
        return await _check(tx, settings, sign_in, person_id, typed, is_staff=is_staff)
    if credential := fields.get("credential"):
        return await _set_up_passkey(tx, settings, sign_in, person_id, credential, wants_code)
    return await _set_up(tx, sign_in, person_id, typed, wants_code)


async def _check(
    tx: AsyncSession, settings: Settings, sign_in: SignIn, person_id: UUID, typed: str, *, is_staff: bool
) -> Refused | None:
    step = int(now().timestamp()) // totp.SECONDS
    if sign_ins.already_tried(settings, sign_in, f"{step % 100:02}{codes.normal(typed)}"):
        return WrongFactorCode()
    try:
        factor = await factors.check_code(tx, person_id, typed, vouched=is_staff)
    except factors.CodesBlocked as blocked:
        return FactorBlocked(wait=blocked.wait)
    if factor is None:
        return WrongFactorCode()
    sign_in.factor_id = factor.id
    sign_ins.finish(settings, sign_in, typed)
    return None


async def _check_passkey(
    tx: AsyncSession, settings: Settings, sign_in: SignIn, person_id: UUID, assertion: str, *, is_staff: bool
) -> Refused | None:
    challenge, sign_in.challenge = sign_in.challenge or b"", secrets.token_bytes(CHALLENGE_BYTES)
    party = RelyingParty.of(settings)
    factor = await factors.check_passkey(tx, party, person_id, challenge, assertion, vouched=is_staff)
    if factor is None:
        return PasskeyRefused()
    sign_in.factor_id = factor.id
    sign_ins.finish(settings, sign_in, "")
    return None


async def _set_up(
    tx: AsyncSession, sign_in: SignIn, person_id: UUID, typed: str, enrolment_code: str | None
) -> Refused | None:
    secret = sign_in.new_factor
    if secret is None or totp.step_of(secret, codes.normal(typed), now(), after=None) is None:
        return WrongFactorCode()
    if enrolment_code is not None and not await codes.use_enrolment_code(tx, person_id, enrolment_code):
        return WrongEnrolmentCode()
    done = await factors.set_up_totp(tx, person_id, secret, typed, APP_NAME, vouched=enrolment_code is not None)
    if done is None:  # its last second has passed since the check above
        return WrongFactorCode()
    factor, recovery_codes = done
    sign_in.factor_id, sign_in.new_factor, sign_in.answer = factor.id, None, " ".join(recovery_codes)
    return None


async def _set_up_passkey(
    tx: AsyncSession, settings: Settings, sign_in: SignIn, person_id: UUID, credential: str, enrolment_code: str | None
) -> Refused | None:
    challenge, sign_in.challenge = sign_in.challenge or b"", secrets.token_bytes(CHALLENGE_BYTES)
    person = await known_person(tx, person_id)
    factor = made_of(RelyingParty.of(settings), person, challenge, credential, PASSKEY_NAME)
    if factor is None or await factors.is_known_passkey(tx, factor):
        return PasskeyRefused()
    if enrolment_code is not None and not await codes.use_enrolment_code(tx, person_id, enrolment_code):
        return WrongEnrolmentCode()
    factor.vouched_at = now() if enrolment_code is not None else None
    recovery_codes = await factors.add(tx, factor)
    sign_in.factor_id, sign_in.new_factor, sign_in.answer = factor.id, None, " ".join(recovery_codes)
    return None
