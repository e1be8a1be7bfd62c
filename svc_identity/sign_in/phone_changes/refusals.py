"""Why a step of a change of phone is refused: sentences of the pages, and problems of the API."""

import math
from datetime import datetime

from chassis.db import now
from chassis.problems import Problem
from svc_identity.sign_in.code_limits import TooManyCodes
from svc_identity.sign_in.own_factors.service import WrongFactorCode
from svc_identity.sign_in.refusals import Refused, SmsUnavailable, TooOften


class ChangeOver(Refused):
    """Unknown, expired, finished, or somebody else's: the answer does not disclose which."""

    status, text = 410, "phone_change_over"


class WrongPhoneCodes(Refused):
    text = "wrong_phone_codes"


class NoTriesLeft(TooOften):
    text = "phone_change_no_tries"


class SamePhone(Refused):
    text = "same_phone"


class NobodyThere(Refused):
    """Said to whoever has the code that was sent to the old phone, and to nobody else."""

    text = "phone_of_nobody"


class WrongIdentity(Refused):
    text = "phone_wrong_identity"


class WrongFactor(Refused):
    text = "wrong_factor_code"


class FactorBlocked(TooOften):
    text = "factor_blocked"


class PhoneInUse(Refused):
    """Said to whoever has the code that was sent to the new phone, and to nobody else."""

    status, text = 409, "phone_in_use"


class Blocked(Refused):
    status, text = 403, "person_suspended"


class NotFromYou(Refused):
    """Staff and people with a second factor come to a counter or an operator."""

    status, text = 403, "lost_phone_protected"


class Contested(Refused):
    status, text = 409, "lost_phone_contested"


class UseTheApp(Refused):
    """The person has a password, which the app asks for when they sign in."""

    status, text = 403, "phone_change_in_app"


class NotConfirmed(Refused):
    """The population registry has the name under the number no more."""

    text = "lost_phone_unconfirmed"


class PhoneChangeOver(Problem):
    """Unknown, expired, finished, or of another sign-in."""

    status, code = 410, "phone_change_over"


class WrongCodes(Problem):
    """One of the two codes, or both; `left` tries remain."""

    status, code = 422, "wrong_phone_codes"


class TooOftenProblem(Problem):
    status = 429

    def __init__(self, *, wait: int) -> None:
        super().__init__()
        self.headers = {"Retry-After": str(max(1, wait))}


class NoTriesLeftProblem(TooOftenProblem):
    code = "phone_change_no_tries"


class SamePhoneProblem(Problem):
    status, code = 422, "same_phone"


class PhoneReleased(Problem):
    """The person has no phone any more, so nothing can stand for it."""

    status, code = 409, "phone_released"


class WrongIdentityProblem(Problem):
    status, code = 422, "phone_wrong_identity"


class FactorBlockedProblem(TooOftenProblem):
    code = "factor_blocked"


class PhoneInUseProblem(Problem):
    """Another account has the new number; `takes_over` takes the number from it, and nothing else."""

    status, code = 409, "phone_in_use"


class PhoneOfSuspended(Problem):
    """A suspension holds the new number."""

    status, code = 409, "phone_of_suspended"


class SmsNotSent(Problem):
    status, code = 503, "sms_unavailable"


class TooManyPhoneChanges(Problem):
    """Too many were begun by this sign-in, or too many codes were sent to a phone or from an address."""

    status, code = 429, "too_many_phone_changes"

    def __init__(self, free_at: datetime | None = None, *, wait: int = 0) -> None:
        super().__init__()
        seconds = math.ceil((free_at - now()).total_seconds()) if free_at else wait
        self.headers = {"Retry-After": str(max(1, seconds))}


_PROBLEMS: dict[type[Refused], type[Problem]] = {
    ChangeOver: PhoneChangeOver,
    WrongPhoneCodes: WrongCodes,
    NoTriesLeft: NoTriesLeftProblem,
    SamePhone: SamePhoneProblem,
    WrongIdentity: WrongIdentityProblem,
    WrongFactor: WrongFactorCode,
    FactorBlocked: FactorBlockedProblem,
    PhoneInUse: PhoneInUseProblem,
    Blocked: PhoneOfSuspended,
    SmsUnavailable: SmsNotSent,
}


def problem_of(refused: Refused) -> Problem:
    """A refusal as the API gives it."""
    if isinstance(refused, TooManyCodes):
        return TooManyPhoneChanges(wait=refused.wait or 0)
    if isinstance(refused, TooOften):
        return _PROBLEMS[type(refused)](wait=refused.wait)
    return _PROBLEMS[type(refused)](**refused.values)
