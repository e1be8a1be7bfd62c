"""Sends codes by SMS; between transactions, because a slow gateway must hold no row of ours."""

import contextlib
from uuid import UUID

from chassis.db import Database
from svc_identity.settings import Settings
from svc_identity.sign_in import service
from svc_identity.sign_in.code_limits import QuestionNeeded, TooManyCodes
from svc_identity.sign_in.provider import NotSent, Sms, Throttled
from svc_identity.sign_in.refusals import Refused, SmsUnavailable
from svc_identity.sign_in.security_log import CODE_REFUSED, CODE_SENT, registered_person


async def send(database: Database, sms: Sms, code: service.Code) -> None:
    """Send the code of a sign-in.

    Raises:
        SmsUnavailable, TooManyCodes: it did not leave, and does not count.
    """
    minutes = int(service.CODE_LIFE.total_seconds() // 60)
    try:
        await sms.send_code(code.sign_in.phone, code.digits, minutes=minutes, language=code.sign_in.language)
    except NotSent as failure:
        async with database.transaction() as tx:
            await service.forget_sent(tx, code.sent)
        raise _refusal_of(failure) from None
    person_id = await registered_person(database, code.sign_in.phone)
    CODE_SENT.record(sign_in_id=code.sign_in.id, person_id=person_id)


def _refusal_of(failure: NotSent) -> Refused:
    return TooManyCodes(wait=failure.seconds) if isinstance(failure, Throttled) else SmsUnavailable()


async def notify_of_new_device(sms: Sms, phone: str, language: str, device: str | None) -> None:
    """Tell the owner of a phone that somebody has signed in with it where nobody had before.

    It is sent once: the sign-in stands whether the message arrives or not.
    """
    with contextlib.suppress(NotSent):  # the port has logged it
        await sms.send_notice(phone, "new_device", language=language, device=device or "")


async def send_again(
    database: Database, sms: Sms, settings: Settings, requester: service.Requester, sign_in_id: UUID
) -> Refused | None:
    """Send another code; returns the refusal, if any, because the sign-in itself stays open.

    Raises:
        SignInOver
    """
    try:
        async with database.transaction() as tx:
            code = await service.send_again(tx, settings, requester, sign_in_id)
        if isinstance(code, service.Code):
            await send(database, sms, code)
    except (QuestionNeeded, TooManyCodes, SmsUnavailable) as refused:
        CODE_REFUSED.record(refused.text, sign_in_id=sign_in_id)
        return refused
    return None
