MAX_CLOCK_SKEW = 300  # seconds either way; a receiver that refuses replays keeps nonces for twice this time


class BadSignature(Exception):  # noqa: N818 - the name is read where it is raised and caught
    """The reasons of signed HTTP messages; protocols of other parties have some of their own.

    unsigned: there is no signature.
    signature_malformed: not exactly one well-formed signature with our tag and parameters.
    components_mismatch: it covers other components than it must.
    clock_skew: it is not of this moment.
    other_recipient: the message is for somebody else.
    unknown_key: no key has its key id.
    wrong_algorithm: it names another algorithm than its key's.
    wrong_signature: method, target URI, a header or the key is another one.
    wrong_digest: the body is another one.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
