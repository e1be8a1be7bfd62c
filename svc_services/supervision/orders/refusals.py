from chassis.problems import Problem


class OrderOpenAlready(Problem):
    """The same addressee has an unfinished order on the case."""

    status, code = 409, "order_open_already"


class OrderNotYours(Problem):
    """Somebody else replies to this order, or decides on its reply."""

    status, code = 403, "order_not_yours"


class OrderWithoutProvider(Problem):
    """The hotline named no provider, and nobody has accepted the complaint yet."""

    status, code = 409, "order_without_provider"
