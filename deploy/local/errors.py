class CannotStart(Exception):  # noqa: N818 - its text is the one sentence that the user reads
    """The platform cannot start, for a reason that its user can remove."""
