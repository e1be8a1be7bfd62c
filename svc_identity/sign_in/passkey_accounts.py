"""How an account is called where a device offers several passkeys."""

from uuid import UUID

from kit.fields.phones import mask_phone
from svc_identity.people.factors.passkeys import Account
from svc_identity.texts import choose_language, languages

_LEFT_TO_RIGHT, _END = "\u2066", "\u2069"


def account_of(person_id: UUID, phone: str | None, accept_language: str) -> Account:
    """An account by its masked phone, in a language: a device may show it to whoever holds it."""
    texts = languages()[choose_language("", accept_language)]
    product = texts["product"]
    if not phone:
        return Account(person_id, product, product, product)
    masked = mask_phone(phone)
    # Without the marks, Arabic text turns the two halves of the number around.
    shown = f"{_LEFT_TO_RIGHT}{masked}{_END}" if texts["direction"] == "rtl" else masked
    return Account(person_id, masked, f"{product} {shown}", product)
