from chassis.problems import Problem


class NotIndependent(Problem):
    """One of the two who act owes the role to the other, at any number of removes."""

    status, code = 403, "approver_not_independent"


class NotYourDivision(Problem):
    """The caller has the role, in another division or in one of several that are concerned."""

    status, code = 403, "not_your_division"


class RoleTooNew(Problem):
    """Nobody acts as second person soon after they got the role: a helper who was raised for it would be noticed."""

    status, code = 403, "role_too_new"


class RoleNotKnownYet(Problem):
    """The token carries a role that this service has not heard of, so it cannot tell by whose word it is held."""

    status, code = 403, "role_not_known_yet"


class ProposerWithoutRole(Problem):
    """A proposal ends with the role by which it was made."""

    status, code = 409, "proposer_without_role"
