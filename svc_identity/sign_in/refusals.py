"""Why a form of the sign-in pages is refused, beside the refusals of `service`."""

from svc_identity.sign_in.service import Refused


class WrongPhone(Refused):
    text = "wrong_phone"


class NotFromHere(Refused):
    """The form does not come from our page in this browser, or the browser blocks cookies."""

    status, text = 403, "not_from_here"


class SmsUnavailable(Refused):
    status, text = 503, "sms_unavailable"
