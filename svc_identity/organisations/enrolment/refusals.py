from chassis.problems import Problem


class SecondFactorExists(Problem):
    """An enrolment code is for a first factor; a lost one is reset by two operators."""

    status, code = 409, "second_factor_exists"


class NoSecondFactor(Problem):
    """There is nothing to reset."""

    status, code = 409, "no_second_factor"
