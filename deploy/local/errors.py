class CannotStart(Exception):  # noqa: N818 - its text is the one sentence the person at the terminal reads
    """The platform cannot be started for a reason its user can do something about."""
