"""Why a definition is refused; each names the place in it."""

from typing import ClassVar

from chassis.problems import Problem


class BadWorkflow(Problem):
    status: ClassVar[int] = 422


class UnknownName(BadWorkflow):
    """A state or an actor is named that there is not."""

    code = "workflow_unknown_name"


class NameTwice(BadWorkflow):
    """Two states or two materials have one name, or one state has two actions of one name."""

    code = "workflow_name_twice"


class ReservedName(BadWorkflow):
    """An action has the name of one that every workflow has."""

    code = "workflow_reserved_name"


class MissingRole(BadWorkflow):
    code = "workflow_missing_role"


class UnreachableState(BadWorkflow):
    code = "workflow_unreachable_state"


class WithoutEnd(BadWorkflow):
    code = "workflow_without_end"


class DeadEnd(BadWorkflow):
    """No end can be reached from a state."""

    code = "workflow_dead_end"


class LoopWithoutPerson(BadWorkflow):
    code = "workflow_loop_without_person"


class MissingLabel(BadWorkflow):
    """Nobody could read what a state, an action or a field of the form is."""

    code = "workflow_missing_label"


class BadTimeout(BadWorkflow):
    """What the system does needs the limit of its state, is one thing, and needs nothing from anybody."""

    code = "workflow_bad_timeout"


class BadStart(BadWorkflow):
    """The first state ends the case or stops its clock: nothing would be promised."""

    code = "workflow_bad_start"


class BadLimit(BadWorkflow):
    """A state may take longer than the whole, or an extension longer than the promise itself."""

    code = "workflow_bad_limit"


class ClockStopped(BadWorkflow):
    """Only a state that the applicant has stops the clock: an office or a company is late for as long as it has it."""

    code = "workflow_clock_stopped"


class CitizenDecides(BadWorkflow):
    """In a state that somebody else has, the applicant may leave, and moves the case nowhere else."""

    code = "workflow_citizen_decides"


class PartialAppeal(BadWorkflow):
    """An appeal is decided by somebody of staff who has not decided the case before."""

    code = "workflow_partial_appeal"


class FeeWithoutPayment(BadWorkflow):
    """Where a fee is quoted, its payment alone leads on; it is one thing, and needs nothing from anybody."""

    code = "workflow_fee_without_payment"


class BadAccountEffect(BadWorkflow):
    """The provider alone opens an account, which it names, or closes or transfers one that is the applicant's."""

    code = "workflow_bad_account_effect"
