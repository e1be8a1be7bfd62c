from chassis.problems import Problem


class CompanyProofInvalid(Problem):
    """`reason`: credentials, proof, expired, other_request, used.

    A wrong application token and an unknown provider have the same reason.
    """

    status, code = 401, "company_proof_invalid"


class SuspendedByOperator(Problem):
    """While an operator's suspension lasts, the company itself can only end keys."""

    status, code = 403, "suspended_by_operator"


class NotSuspended(Problem):
    status, code = 409, "not_suspended"


class AlreadySuspended(Problem):
    status, code = 409, "already_suspended"


class SuspensionChanged(Problem):
    """The provider was suspended again after this resumption was proposed."""

    status, code = 409, "suspension_changed"


class ProposalOutdated(Problem):
    """The endpoint, or the form of account numbers, was changed after this change of it was proposed."""

    status, code = 409, "proposal_outdated"


class UnknownKey(Problem):
    status, code = 409, "unknown_key"


class LastKey(Problem):
    """A provider without a key could never prove itself again."""

    status, code = 409, "last_key"


class KeyTermsRefused(Problem):
    """The key would never be in force."""

    status, code = 422, "key_terms_refused"


class TooManyKeys(Problem):
    status, code = 409, "too_many_keys"


class AlreadyDecided(Problem):
    status, code = 409, "already_decided"


class ProposalExpired(Problem):
    status, code = 409, "proposal_expired"
