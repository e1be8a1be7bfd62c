from svc_identity.sign_in.refusals import Refused


class NumberKept(Refused):
    """The account's person has refused not long ago."""

    status, text = 409, "number_kept"
