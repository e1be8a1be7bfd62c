"""People add, rename and remove their own second factors; the key to be set up travels encrypted, nothing is stored."""

import json
import secrets
from datetime import timedelta
from uuid import UUID

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.db import now
from chassis.problems import NotFound, Problem
from svc_identity.oauth.models import TokenFamily
from svc_identity.people.factors import codes, service, totp
from svc_identity.people.factors.models import Factor
from svc_identity.people.factors.passkeys import CHALLENGE_BYTES, RelyingParty, registered, registration_options
from svc_identity.people.personal_data.models import Purpose
from svc_identity.people.personal_data.service import read_personal_data
from svc_identity.people.persons.service import known_person
from svc_identity.sign_in.own_factors import schemas
from svc_identity.sign_in.passkey_accounts import account_of

SET_UP_LIFE = timedelta(minutes=10)
MOST = 20
"""Factors of a person."""
_HEADER = {"alg": "dir", "enc": "A256GCM"}


class WrongFactorCode(Problem):
    """Not the code that the app shows, or the set-up is over."""

    status, code = 422, "wrong_factor_code"


class PasskeyRefused(Problem):
    """The device did not answer the challenge, here, by its user, or the set-up is over."""

    status, code = 422, "passkey_refused"


class TooManyFactors(Problem):
    status, code = 409, "too_many_factors"


async def listed(tx: AsyncSession, person_id: UUID) -> schemas.OwnFactors:
    items = [shown(factor) for factor in await service.factors_of(tx, person_id)]
    return schemas.OwnFactors(items=items, recovery_codes_left=await codes.recovery_codes_left(tx, person_id))


async def begin(tx: AsyncSession, key: bytes, caller: Caller) -> schemas.AuthenticatorSetUp:
    """A new key for an authenticator app of the caller."""
    secret = totp.new_secret()
    label = account_of(caller.id, await _phone(tx, caller), "").name
    sealed = _sealed(key, caller, secret)
    return schemas.AuthenticatorSetUp(set_up=sealed, key=secret, address=totp.address_of(secret, label))


async def begin_passkey(
    tx: AsyncSession, key: bytes, party: RelyingParty, caller: Caller, language: str
) -> schemas.PasskeySetUp:
    """A challenge for a passkey of the caller, and how the device calls the account."""
    challenge = secrets.token_bytes(CHALLENGE_BYTES)
    account = account_of(caller.id, await _phone(tx, caller), language)
    options = registration_options(party, account, challenge, await service.factors_of(tx, caller.id))
    return schemas.PasskeySetUp(set_up=_sealed(key, caller, challenge.hex()), options=options)


async def confirm_passkey(
    tx: AsyncSession, key: bytes, party: RelyingParty, caller: Caller, given: schemas.PasskeyConfirmation
) -> schemas.AddedFactor:
    """Keep a passkey. It opens roles if the sign-in that adds it did.

    Raises:
        PasskeyRefused, TooManyFactors
    """
    challenge = bytes.fromhex(_opened(key, caller, given.set_up, PasskeyRefused))
    known = await service.factors_of(tx, caller.id)
    if len(known) >= MOST:
        raise TooManyFactors(most=MOST)
    factor = registered(party, await known_person(tx, caller.id), challenge, given.credential, given.name)
    if factor is None or await service.is_known_passkey(tx, factor):
        raise PasskeyRefused
    factor.vouched_at = now() if caller.memberships else None
    recovery_codes = await service.add(tx, factor)
    return schemas.AddedFactor(**shown(factor).model_dump(), recovery_codes=recovery_codes)


async def confirm(
    tx: AsyncSession, key: bytes, caller: Caller, given: schemas.AuthenticatorConfirmation
) -> schemas.AddedFactor:
    """Keep an authenticator app. It opens roles if the sign-in that adds it did.

    Raises:
        WrongFactorCode, TooManyFactors
    """
    secret = _opened(key, caller, given.set_up, WrongFactorCode)
    known = await service.factors_of(tx, caller.id)
    if len(known) >= MOST:
        raise TooManyFactors(most=MOST)
    if any(factor.secret == secret for factor in known):
        raise WrongFactorCode
    vouched = bool(caller.memberships)
    done = await service.set_up_totp(tx, caller.id, secret, given.code, given.name, vouched=vouched)
    if done is None:
        raise WrongFactorCode
    factor, recovery_codes = done
    return schemas.AddedFactor(**shown(factor).model_dump(), recovery_codes=recovery_codes)


async def rename(tx: AsyncSession, caller: Caller, factor_id: UUID, name: str) -> schemas.OwnFactor:
    """Call a factor something else.

    Raises:
        NotFound
    """
    factor = await _own(tx, caller, factor_id)
    factor.name = name
    return shown(factor)


async def remove(tx: AsyncSession, caller: Caller, factor_id: UUID) -> None:
    """Remove a factor. It ends the sign-ins that it proved but this one, which opens no role any more.

    Raises:
        NotFound
    """
    factor = await _own(tx, caller, factor_id)
    current = await tx.get(TokenFamily, UUID(caller.sid), with_for_update=True) if caller.sid else None
    if current and current.factor_id == factor.id:
        current.factor_id = None
    await service.remove(tx, factor, "by_owner")


async def renew_recovery_codes(tx: AsyncSession, caller: Caller) -> schemas.RecoveryCodes:
    """New recovery codes.

    Raises:
        NotFound: there is no factor for which they could stand.
    """
    if not await service.factors_of(tx, caller.id):
        raise NotFound
    return schemas.RecoveryCodes(recovery_codes=await codes.renew_recovery_codes(tx, caller.id))


def shown(factor: Factor) -> schemas.OwnFactor:
    return schemas.OwnFactor(
        factor_id=factor.id, kind=factor.kind, name=factor.name, created_at=factor.created_at, used_at=factor.used_at
    )


async def _phone(tx: AsyncSession, caller: Caller) -> str | None:
    clear = await read_personal_data(tx, [caller.id], ["phone"], reader=str(caller.id), purpose=Purpose.OWN_PROFILE)
    return clear[caller.id].phone


def _sealed(key: bytes, caller: Caller, what: str) -> str:
    content = json.dumps({"sub": caller.subject, "what": what, "exp": (now() + SET_UP_LIFE).timestamp()})
    return jwe.encrypt_compact(_HEADER, content, OctKey.import_key(key), algorithms=[*_HEADER.values()])


def _opened(key: bytes, caller: Caller, sealed: str, refusal: type[Problem]) -> str:
    try:
        opened = jwe.decrypt_compact(sealed, OctKey.import_key(key), algorithms=[*_HEADER.values()])
        content = json.loads(opened.plaintext or b"{}")
    except (JoseError, ValueError, TypeError):
        raise refusal from None
    if content["sub"] != caller.subject or content["exp"] < now().timestamp():
        raise refusal
    return str(content["what"])


async def _own(tx: AsyncSession, caller: Caller, factor_id: UUID) -> Factor:
    for factor in await service.factors_of(tx, caller.id):
        if factor.id == factor_id:
            return factor
    raise NotFound
