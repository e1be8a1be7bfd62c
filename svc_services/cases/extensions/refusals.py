from chassis.problems import Problem


class NoExtension(Problem):
    """The workflow allows no extension, or none as long."""

    status, code = 422, "no_such_extension"


class ExtendedAlready(Problem):
    """A promise is extended once."""

    status, code = 409, "extended_already"


class ExtensionTooLate(Problem):
    """The promise is broken already; an extension cannot mend it."""

    status, code = 409, "extension_too_late"


class NothingToExtend(Problem):
    """The clock stands, or the case is with somebody else."""

    status, code = 409, "nothing_to_extend"
