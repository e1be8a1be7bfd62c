from chassis.problems import Problem


class StageNotReached(Problem):
    """The case is not so far yet."""

    status, code = 409, "stage_not_reached"


class AlreadyRated(Problem):
    """A stage is rated once, and once more after what was bad has been put right."""

    status, code = 409, "already_rated"


class AlreadyAppealed(Problem):
    status, code = 409, "already_appealed"
