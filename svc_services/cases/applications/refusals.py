from chassis.problems import Problem


class NoWorkflow(Problem):
    """Nothing of this kind is published for the utility."""

    status, code = 422, "no_workflow"


class NotServedThere(Problem):
    status, code = 422, "not_served_there"


class AccountNeeded(Problem):
    status, code = 422, "account_needed"


class NoAccountWanted(Problem):
    status, code = 422, "no_account_wanted"


class AccountNotYours(Problem):
    """The account is not bound to the applicant."""

    status, code = 403, "account_not_yours"


class TooManyOpen(Problem):
    """One person fills no company's queue; of one account there is one open case of a kind anyway."""

    status, code = 409, "too_many_open"


class FiledAlready(Problem):
    """The applicant has an open application of the kind for the same account or address; it is named."""

    status, code = 409, "application_filed_already"


class TooManyDrafts(Problem):
    status, code = 409, "too_many_drafts"


class AlreadySubmitted(Problem):
    """A draft was submitted; saving it late changes nothing."""

    status, code = 409, "application_already_submitted"


class OpenAlready(Problem):
    """An account has one open application of a kind."""

    status, code = 409, "application_open_already"


class ActionNotPossible(Problem):
    """The state of the case has no such action."""

    status, code = 409, "action_not_possible"


class ActionNotYours(Problem):
    """Somebody else takes this action."""

    status, code = 403, "action_not_yours"


class ActionIncomplete(Problem):
    status, code = 422, "action_incomplete"


class NotPartOfAction(Problem):
    status, code = 422, "not_part_of_action"


class ClaimNeeded(Problem):
    """A clerk claims a case before they decide anything of it."""

    status, code = 409, "claim_needed"


class ClaimedByAnother(Problem):
    status, code = 409, "claimed_by_another"


class AssignedToAnother(Problem):
    """An operator has assigned the case to another clerk."""

    status, code = 409, "assigned_to_another"


class NothingToClaim(Problem):
    """In this state of the case staff has nothing to do."""

    status, code = 409, "nothing_to_claim"


class AccountLost(Problem):
    """The account was the applicant's when the case began, and is not any more: the case ends by itself."""

    status, code = 409, "account_lost"


class BadAppointmentHours(Problem):
    """Hours without a day, without an end, or that end before they begin."""

    status, code = 422, "bad_appointment_hours"


class BadAppointment(Problem):
    """An appointment lies in the past, or too far ahead."""

    status, code = 422, "bad_appointment"
