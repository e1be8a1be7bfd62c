from chassis.problems import Problem


class NothingAnswered(Problem):
    """Nobody has said yet what was put right."""

    status, code = 409, "nothing_answered"
