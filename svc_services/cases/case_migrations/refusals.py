from chassis.problems import Problem


class OtherWorkflow(Problem):
    """The two are not published versions of one workflow, or they are the same version."""

    status, code = 422, "case_migration_other_workflow"


class MappingIncomplete(Problem):
    """States in which cases may be have no counterpart in the target."""

    status, code = 422, "case_migration_incomplete"


class ClockStopped(Problem):
    """A case whose clock runs would come to a state in which it stands."""

    status, code = 422, "case_migration_stops_clock"


class BadMapping(Problem):
    """A state is named that there is not, or one that ends cases."""

    status, code = 422, "case_migration_bad_state"
