"""Why a step of a sign-in is refused; those of its codes stand in `service`."""

from typing import ClassVar


class Refused(Exception):  # noqa: N818 - a refusal is an answer
    """A refused sign-in step; `text` names the sentence that the page shows."""

    status: ClassVar[int] = 422
    text: ClassVar[str]

    def __init__(self, *, wait: int | None = None, **values: int) -> None:
        super().__init__(self.text)
        self.values = values
        self.wait = wait
        """After how many seconds it will work."""


class TooOften(Refused):
    """A refusal for a while, which says for how long."""

    status = 429

    def __init__(self, *, wait: int, **values: int) -> None:
        super().__init__(wait=max(1, wait), **values)


class WrongPhone(Refused):
    text = "wrong_phone"


class NotFromHere(Refused):
    """The form does not come from our page in this browser, or the browser blocks cookies."""

    status, text = 403, "not_from_here"


class PasskeyRefused(Refused):
    text = "passkey_refused"


class SmsUnavailable(Refused):
    status, text = 503, "sms_unavailable"


class PersonSuspended(Refused):
    """Said to whoever has the code that was sent to the phone, and to nobody else."""

    status, text = 403, "person_suspended"
