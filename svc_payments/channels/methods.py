"""Which of a channel's ways a payment is paid in."""

from collections.abc import Sequence

from chassis.problems import Problem
from svc_payments.channels.provider import Payer

JSAPI = "jsapi"
"""Inside WeChat, where an order is one user's."""


class ChannelNotAvailable(Problem):
    """A channel of this contract that this platform's settings do not name."""

    status, code = 422, "channel_not_available"


class MethodNotOffered(Problem):
    status, code = 422, "method_not_offered"


class MethodAlreadyChosen(Problem):
    """The order exists at the channel for another method, by which it can still be paid."""

    status, code = 409, "method_already_chosen"


class OpenIdMissing(Problem):
    status, code = 422, "open_id_missing"


def chosen(offered: Sequence[str], wanted: str | None, before: str | None) -> str | None:
    """The method to pay by: as chosen before, or as wanted now, or the channel's usual one.

    Raises:
        MethodNotOffered, MethodAlreadyChosen
    """
    if wanted is not None and wanted not in offered:
        raise MethodNotOffered(offered=list(offered))
    if before is not None and wanted not in {None, before}:
        raise MethodAlreadyChosen(method=before)
    return before or wanted or (offered[0] if offered else None)


def require_payer(method: str | None, payer: Payer) -> None:
    """Check that what the method needs of the payer is known.

    Raises:
        OpenIdMissing
    """
    if method == JSAPI and payer.open_id is None:
        raise OpenIdMissing
