from chassis.problems import Problem


class RoutedNowhere(Problem):
    """The case is with this division and provider already."""

    status, code = 422, "routed_nowhere"


class OtherUtility(Problem):
    """A case goes to a provider of the same utility; another one is another application."""

    status, code = 422, "other_utility"


class DecidedAlready(Problem):
    """Who has decided something of a case keeps it."""

    status, code = 409, "decided_already"


class AccountOfProvider(Problem):
    """The account of the case is one of its provider."""

    status, code = 409, "account_of_provider"


class RoutedTooOften(Problem):
    status, code = 409, "routed_too_often"


class BranchOfJoint(Problem):
    """Companies of a joint application have agreed with each other; none takes the place of another."""

    status, code = 409, "branch_of_joint"
