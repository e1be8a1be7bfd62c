"""How long this service keeps the rows of each table; the worker carries it out, and the evidence shows it."""

from collections.abc import Mapping

from kit.evidence.retention import Job, Kept, Period, Retention, Rule

_LIMITATION = "Civil Code 188: claims lapse after three years"
_RECORDS = "PIPL 56: records of processing for at least three years"
_LOGS = "Cybersecurity Law 21(3): logs for at least six months"
_ENOUGH = "PIPL 19: the shortest time that the purpose needs"
_PROOF = "PIPL 14, 54 and 69: proof of what was allowed and done; the person is an id, which names nobody once closed"
_POWER = "PIPL 51 and 54: who held which power; the person is an id, which names nobody once closed"
_YEARS_3, _HALF_YEAR, _MONTH, _DAY = 1095, 180, 30, 1
_UNTIL_14 = 14 * 365 + _YEARS_3
_EMPTY_INDEX = r"'\x'::bytea"

_CLOSE = Job("svc_identity.privacy.closures.service:close_due", "PIPL 47: when the person closes the account")
_SIGN_IN = Job("svc_identity.sign_in.service:prune", _ENOUGH)
_OAUTH = Job("svc_identity.oauth.service:prune", _ENOUGH)
_PHONES = Job("svc_identity.sign_in.phone_changes.worker:prune", _ENOUGH)
_NOTICE = Job("svc_identity.sign_in.own_factors.worker:FactorNotifier", "PIPL 47: when the message was sent")


def _reason(*columns: str, since: str, person: str | None = None) -> Period:
    """What staff wrote about a person goes three years after it came to an end; who decided what stays."""
    why = "a decision can be challenged for as long"
    return Period(_YEARS_3, since, why, _LIMITATION, {each: f"left({each}, 0)" for each in columns}, person=person)


def _addressed(*masked: str, person: str) -> Period:
    """Whom it was addressed to goes three years after its end; who acted for whom stays as proof."""
    hidden = dict.fromkeys(("phone_masked", *masked), "''") | dict.fromkeys(("phone_index", "name_index"), _EMPTY_INDEX)
    return Period(_YEARS_3, "ended_at", "what was done under it can be challenged", _LIMITATION, hidden, person=person)


RULES: Mapping[str, Rule] = {
    "persons": _CLOSE,
    "recovery_codes": Period(_HALF_YEAR, "used_at", "how somebody signed in can be asked for as long", _LOGS),
    "factors": Period(
        _HALF_YEAR,
        "removed_at",
        "how somebody signed in can be asked for as long",
        _LOGS,
        {"name": "''", "credential_id": "NULL"},
        person="person_id",
    ),
    "passwords": _CLOSE,
    "consents": Kept(_PROOF),
    "closures": Kept(_PROOF),
    "app_access": Kept(_PROOF),
    "guardian_claims": Kept(_PROOF),
    "represented_organisations": Job(
        "svc_identity.organisations.representation.service:end_all_of", "PIPL 47: when it is over"
    ),
    "corrections": Period(
        _YEARS_3,
        "ended_at",
        "the answer can be challenged",
        _LIMITATION,
        {"words": "NULL", "answer": "NULL"},
        person="person_id",
    ),
    "sign_ins": _SIGN_IN,
    "known_devices": _SIGN_IN,
    "sent_codes": _SIGN_IN,
    "identity_tries": Job("svc_identity.sign_in.continuity:prune", _ENOUGH),
    "number_claims": Job("svc_identity.sign_in.number_claims.service:prune", _ENOUGH),
    "device_authorizations": _OAUTH,
    "wrong_user_codes": _OAUTH,
    "authorization_codes": _OAUTH,
    "login_codes": _OAUTH,
    "token_families": _OAUTH,
    "logout_notices": Job("svc_identity.oauth.worker:Notifier", "PIPL 47: when the app was notified"),
    "factor_notices": _NOTICE,
    "family_notices": _NOTICE,
    "identity_notices": _NOTICE,
    "phone_notices": Job("svc_identity.sign_in.phone_changes.worker:PhoneNotifier", "PIPL 47: when it was sent"),
    "factor_tries": Period(_DAY, "since", "no limit counts them any longer", _ENOUGH),
    "password_tries": Period(_DAY, "since", "no limit counts them any longer", _ENOUGH),
    "phone_proof_tries": _PHONES,
    "phone_changes": Period(
        _HALF_YEAR,
        "ended_at",
        "how a number changed hands can be asked for as long",
        _LOGS,
        dict.fromkeys(("browser_hash", "old_hash", "stop_hash", "challenge"), "NULL") | {"new_hash": _EMPTY_INDEX},
        person="person_id",
    ),
    "factor_resets": _reason("reason", since="decided_at", person="person_id"),
    "enrolment_codes": _reason("reason", since="coalesce(used_at, expires_at)", person="person_id"),
    "suspensions": _reason("reason", "lift_reason", since="lifted_at", person="person_id"),
    "role_changes": Kept(f"{_POWER}; the database refuses to change what was decided"),
    "identity_claims": _reason(
        "reason",
        "return_reason",
        since="CASE WHEN status NOT IN ('open', 'reviewed') THEN coalesce(decided_at, opened_at) END",
        person="claimant_id",
    ),
    "family_orders": Period(
        _YEARS_3,
        "CASE WHEN status <> 'open' THEN coalesce(decided_at, ordered_at) END",
        "what was done under it can be challenged",
        _LIMITATION,
        {"reason": "''", "helper_name": "''", "phone_masked": "''"}
        | dict.fromkeys(("phone_index", "name_index"), _EMPTY_INDEX),
    ),
    "mandates": _addressed(person="agent_id"),
    "family_accounts": _addressed("helped_name", "helper_name", person="helped_id"),
    "mandate_reminders": Period(
        _MONTH,
        "SELECT ended_at FROM mandates WHERE mandates.id = mandate_reminders.mandate_id",
        "no reminder follows",
        _ENOUGH,
    ),
    "guardian_consents": Period(
        _UNTIL_14,
        "given_at",
        "the child is 14, and its claims have lapsed",
        f"PIPL 31; {_LIMITATION}",
        {"child_index": _EMPTY_INDEX},
        person="guardian_id",
    ),
    "proofing_attempts": Job("svc_identity.people.proofing.service:forget_numbers", _ENOUGH),
    "verifications": Job("svc_identity.verifications.worker:end_what_is_over", _ENOUGH),
    "representation_checks": Period(_YEARS_3, "started_at", "who asked a registry", _RECORDS, person="person_id"),
    "data_reads": Period(_YEARS_3, "read_at", "who read one's data", _RECORDS, person="person_id"),
    "personal_data_reads": Kept(f"{_PROOF}; sealed, so that no reader can remove a read"),
    "memberships": Kept(_POWER),
    "open_payments": Job("svc_identity.privacy.closures.consumers:_follow", _ENOUGH),
}
_DISPUTED = (
    "EXISTS (SELECT FROM corrections AS dispute WHERE dispute.person_id = {person} AND dispute.status = 'open') "
    "OR EXISTS (SELECT FROM identity_claims AS dispute WHERE {person} IN (dispute.claimant_id, dispute.holder_id) "
    "AND dispute.status IN ('open', 'reviewed')) "
    "OR EXISTS (SELECT FROM suspensions AS dispute WHERE dispute.person_id = {person} AND dispute.lifted_at IS NULL)"
)
RETENTION = Retention("identity", RULES, _DISPUTED)
