from chassis.problems import Problem


class HotlineOff(Problem):
    """This platform is not connected to the hotline."""

    status, code = 409, "hotline_off"


class HotlineSignatureRefused(Problem):
    """The request is not signed by the key of the hotline; the reasons are those of `kit.signatures`."""

    status, code = 403, "hotline_signature_refused"


class HotlineTicketDiffers(Problem):
    """The number is that of another ticket, or the ticket or call was sent with other content before."""

    status, code = 409, "hotline_ticket_differs"


class NoContactToShare(Problem):
    status, code = 422, "no_contact_to_share"
