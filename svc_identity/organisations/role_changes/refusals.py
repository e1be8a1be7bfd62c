from datetime import datetime, timedelta

from chassis.db import CHINA, now
from chassis.problems import Problem
from kit.staff.refusals import RoleTooNew


class RoleNeedsTwoPersons(Problem):
    """This role is granted and removed by a proposal that another operator approves."""

    status, code = 403, "role_needs_two_persons"


class OwnRole(Problem):
    """Nobody approves a role for themselves."""

    status, code = 403, "own_role"


class OwnRoleChange(Problem):
    """The person concerned decides nothing about it; a proposer may withdraw."""

    status, code = 403, "own_role_change"


class OperatorNeeded(Problem):
    """Admins of a company are made by operators, and what an operator proposed is not for the company to reject."""

    status, code = 403, "operator_needed"


class ProposerNoLongerOperator(Problem):
    """A proposal ends with the role by which it was made, also where the role was granted again."""

    status, code = 409, "proposer_no_longer_operator"


class PersonNotProofed(Problem):
    status, code = 409, "person_not_proofed"


class LastOperators(Problem):
    status, code = 409, "last_operators"


class NoIndependentOperators(Problem):
    """Each of the operators who would remain owes the role to another one of them: nothing could be approved."""

    status, code = 409, "no_independent_operators"


class AlreadyProposed(Problem):
    status, code = 409, "already_proposed"


class AlreadyDecided(Problem):
    status, code = 409, "already_decided"


class ProposalExpired(Problem):
    status, code = 409, "proposal_expired"


class MembershipEnded(Problem):
    """The membership ended while its removal was proposed."""

    status, code = 409, "membership_ended"


def require_cooled_off(held_since: datetime | None, cooling_off: timedelta) -> None:
    """Refuse a second person who has not held the role for long enough.

    Raises:
        RoleTooNew
    """
    if held_since is None or held_since + cooling_off > now():
        free_at = ((held_since or now()) + cooling_off).astimezone(CHINA)
        raise RoleTooNew(free_at=f"{free_at:%Y-%m-%d %H:%M}")
