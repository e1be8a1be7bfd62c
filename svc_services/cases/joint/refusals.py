from chassis.problems import Problem


class BranchesAlike(Problem):
    """A company is asked for one thing in a joint application."""

    status, code = 422, "joint_provider_twice"


class TooManyJointDrafts(Problem):
    status, code = 409, "too_many_joint_drafts"


class JointSubmittedAlready(Problem):
    """It was filed; saving it late changes nothing."""

    status, code = 409, "joint_application_already_submitted"


class JointMaterialUnknown(Problem):
    """A file is not one of the applicant's that is stored and checked."""

    status, code = 409, "joint_material_unknown"


class NothingToWithdraw(Problem):
    """No branch is in a state in which its applicant may withdraw it."""

    status, code = 409, "nothing_to_withdraw"


class SurveyProposedAlready(Problem):
    """Further days are proposed where none suited all, as long as the companies may answer."""

    status, code = 409, "survey_days_proposed_already"


class NoSurveyWanted(Problem):
    """No open branch waits for an appointment."""

    status, code = 409, "no_survey_wanted"


class SurveyDecided(Problem):
    """A day was agreed on or not, or the last day for answers is over."""

    status, code = 409, "survey_decided_already"


class BadSurveyDays(Problem):
    """A proposed day comes before the answers are due, or too late; or it is proposed twice."""

    status, code = 422, "bad_survey_days"


class SurveyDaysOff(Problem):
    """Nobody comes on a day off by mistake: who means one says so."""

    status, code = 422, "survey_days_off"


class SurveyDayNotProposed(Problem):
    status, code = 422, "survey_day_not_proposed"
