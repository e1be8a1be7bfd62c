"""Passkeys (WebAuthn, by py_webauthn): what a device is asked to sign, and whether it did.

The relying party is the host of the platform's public address. The device has to check who uses it, so that a passkey
is two factors at once.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import webauthn
from webauthn.helpers import options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from svc_identity.people.factors.models import Factor, FactorKind
from svc_identity.people.persons.models import Person
from svc_identity.settings import Settings

CHALLENGE_BYTES = 32
# What a device sends is anything; the library reads it with these besides its own.
_NO_PROOF = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError)


@dataclass(frozen=True)
class RelyingParty:
    """For whom a device signs: the host, and the origins from which its signatures are taken."""

    host: str
    origins: list[str]

    @classmethod
    def of(cls, settings: Settings) -> "RelyingParty":
        address = urlsplit(settings.public_url)
        apps = [origin for origin in settings.passkey_origins.split(",") if origin]
        return cls(address.hostname or "", [f"{address.scheme}://{address.netloc}", *apps])


@dataclass(frozen=True)
class Account:
    """What a device keeps with a passkey, and shows where it offers a choice of several."""

    person_id: UUID
    name: str
    display_name: str
    of_platform: str
    """The name of the platform."""


def registration_options(party: RelyingParty, account: Account, challenge: bytes, known: Iterable[Factor]) -> Any:  # noqa: ANN401 - JSON
    """What a device needs to make a passkey."""
    options = webauthn.generate_registration_options(
        rp_id=party.host,
        rp_name=account.of_platform,
        user_id=account.person_id.bytes,
        user_name=account.name,
        user_display_name=account.display_name,
        challenge=challenge,
        exclude_credentials=_descriptors(known),
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
    )
    return json.loads(options_to_json(options))


def registered(party: RelyingParty, person: Person, challenge: bytes, credential: Any, name: str) -> Factor | None:  # noqa: ANN401 - JSON
    """The passkey that a device has made, or None where it does not answer the challenge."""
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origins,
            require_user_verification=True,
        )
    except _NO_PROOF:
        return None
    return Factor(
        person_id=person.id,
        kind=FactorKind.PASSKEY,
        name=name,
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
    )


def request_options(party: RelyingParty, challenge: bytes, known: Iterable[Factor]) -> str:
    """What a device needs to sign with one of these passkeys, as JSON."""
    options = webauthn.generate_authentication_options(
        rp_id=party.host,
        challenge=challenge,
        allow_credentials=_descriptors(known),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json(options)


def use(party: RelyingParty, factor: Factor, challenge: bytes, assertion: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether a device has signed the challenge with this passkey; its counter never goes back."""
    try:
        proved = webauthn.verify_authentication_response(
            credential=assertion,
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origins,
            credential_public_key=factor.public_key or b"",
            credential_current_sign_count=factor.sign_count,
            require_user_verification=True,
        )
    except _NO_PROOF:
        return False
    if proved.credential_id != factor.credential_id:
        return False
    factor.sign_count = proved.new_sign_count
    return True


def _descriptors(factors: Iterable[Factor]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(id=each.credential_id) for each in factors if each.credential_id]
