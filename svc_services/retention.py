"""How long this service keeps the rows of each table; the worker carries it out, and the evidence shows it."""

from collections.abc import Mapping

from kit.evidence.retention import Job, Kept, Period, Retention, Rule

_YEARS_3 = 1095
_DAYS_90 = 90
_LIMITATION = "Civil Code 188: claims lapse after three years"
_ENOUGH = "PIPL 19: the shortest time that the purpose needs"
_ACTED = "PIPL 51 and 54: who decided or held what; the person is an id, which names nobody once closed"
_COMPANY = "PIPL 54: who connected a company; contacts are those of the company"

RULES: Mapping[str, Rule] = {
    "account_bindings": Period(
        _YEARS_3,
        "ended_at",
        "what was billed while it was bound can be challenged",
        _LIMITATION,
        {"account_number": "''", "held_until": "NULL"},
        along={"request_id": "gen_random_uuid()"},
        person="person_id",
    ),
    "applications": Period(
        _YEARS_3,
        "ended_at",
        "the decision can be challenged",
        _LIMITATION,
        {"form": "'{}'::jsonb", "account_number": "NULL"},
        person="person_id",
    ),
    "application_steps": Period(
        _YEARS_3,
        "SELECT ended_at FROM applications WHERE applications.id = application_steps.application_id",
        "the decision can be challenged",
        _LIMITATION,
        {"reason": "NULL"},
    ),
    "joint_applications": Period(
        _YEARS_3,
        "ended_at",
        "which cases were one matter can be shown; a draft goes with the account of its person",
        _LIMITATION,
        {"form": "'{}'::jsonb"},
        person="person_id",
    ),
    "account_invitations": Period(
        _YEARS_3,
        "coalesce(decided_at, expires_at)",
        "who was let into an account can be challenged",
        _LIMITATION,
        {"label": "''", "name_mac": "''::bytea"},
        along={"code_hash": "uuid_send(gen_random_uuid())"},
    ),
    "meter_readings": Period(
        _YEARS_3,
        "submitted_at",
        "the bill that follows from it can be challenged; the reading stays the meter's",
        _LIMITATION,
        {"binding_id": "NULL"},
    ),
    "deliveries": Period(_DAYS_90, "settled_at", "the company has it repeated after a breakdown", _ENOUGH),
    "delivery_attempts": Period(_DAYS_90, "began_at", "a breakdown is explained by what came of each try", _ENOUGH),
    "account_premises": Job("svc_services.accounts.premises.service:forget_unbound", _ENOUGH),
    "outage_notices": Period(180, "told_at", "who was told of an outage can be shown to who asks", _ENOUGH),
    "arrears_notices": Period(
        _YEARS_3,
        "closed_at",
        "a cut-off can be challenged",
        _LIMITATION,
        {"account_number": "''", "bill_numbers": "'{}'::text[]"},
        along={"salt": "gen_random_uuid()"},
    ),
    "arrears_bills": Period(
        _YEARS_3,
        "SELECT closed_at FROM arrears_notices WHERE arrears_notices.id = arrears_bills.notice_id",
        "a cut-off can be challenged",
        _LIMITATION,
    ),
    "bill_disputes": Period(_YEARS_3, "decided_at", "a cut-off can be challenged", _LIMITATION),
    "materials": Job("svc_services.cases.materials.worker:forget_old", _ENOUGH),
    "application_materials": Period(
        _YEARS_3,
        "SELECT ended_at FROM applications WHERE applications.id = application_materials.application_id",
        "the decision rests on them; the files go once nothing uses them",
        _LIMITATION,
    ),
    "material_uses": Period(
        _YEARS_3,
        "SELECT CASE used_by WHEN 'complaint' THEN "
        "(SELECT ended_at FROM complaints WHERE complaints.id = material_uses.subject_id) "
        "ELSE (SELECT submitted_at FROM meter_readings WHERE meter_readings.id = material_uses.subject_id) END",
        "the answer, or the bill, can be challenged; the files go once nothing uses them",
        _LIMITATION,
    ),
    "paper_contents": Period(
        _YEARS_3,
        "SELECT ended_at FROM applications JOIN papers ON papers.application_id = applications.id "
        "WHERE papers.id = paper_contents.paper_id",
        "the applicant prints it again; what proves it stays",
        _LIMITATION,
    ),
    "ratings": Period(
        _YEARS_3,
        "rated_at",
        "what was put right can be compared with it",
        _LIMITATION,
        {"words": "NULL", "salt": "NULL"},
    ),
    "complaints": Period(
        _YEARS_3,
        "ended_at",
        "what came of it can be challenged",
        _LIMITATION,
        {
            "subject_ref": "NULL",
            "words": "NULL",
            "contact_name": "NULL",
            "contact_phone": "NULL",
            "salt": "NULL",
        },
        person="person_id",
    ),
    "complaint_entries": Period(
        _YEARS_3,
        "SELECT ended_at FROM complaints WHERE complaints.id = complaint_entries.complaint_id",
        "what came of it can be challenged",
        _LIMITATION,
        {"words": "NULL"},
    ),
    "counter_filings": Job("svc_services.cases.counter.service:forget_unfiled", _ENOUGH),
    "counter_filing_materials": Job("svc_services.cases.counter.service:forget_unfiled", _ENOUGH),
    "paper_checks": Job("svc_services.cases.papers.service:forget_checks", _ENOUGH),
    **dict.fromkeys(
        (
            *("papers", "case_reads", "binding_ends", "meter_changes", "application_promise_moves", "calendar_changes"),
            *("conformance_runs", "provider_endorsements", "application_corrections"),
            *("service_items", "rating_requests", "rating_appeals"),
            *("joint_branches", "joint_surveys", "joint_survey_answers", "joint_results"),
            *("case_routings", "case_assignments", "case_extensions"),
            *("rectifications", "rectification_entries", "supervision_orders", "supervision_order_entries"),
            *("complaint_reads", "hotline_tickets"),
            "arrears_steps",
            *("case_migrations", "migrated_cases", "account_clashes"),
        ),
        Kept(_ACTED),
    ),
    "application_fees": Kept(
        "Measures for the Administration of Accounting Archives 14: 30 years, as the bill that svc_payments makes "
        "of it; holds ids and amounts only"
    ),
    "holder_changes": Kept(f"{_ACTED}; a change of holders stays provable for who holds the account"),
    "provider_applications": Kept(_COMPANY),
    "provider_changes": Kept(_COMPANY),
    "tariff_plans": Kept(_ACTED),
    "workflows": Kept(_ACTED),
    "staff_roles": Kept(_ACTED),
    "mandates": Kept(_ACTED),
    "claimed_organisations": Job("svc_services.providers.organisations.consumers:HANDLERS", _ENOUGH),
    "application_attempts": Job("svc_services.providers.applications.limits:forget_attempts", _ENOUGH),
    "used_attestations": Job("svc_services.accounts.bindings.service:forget_expired_attestations", _ENOUGH),
}
_DISPUTED = (
    "EXISTS (SELECT FROM applications AS open WHERE open.person_id = {person} AND open.status = 'open') "
    "OR EXISTS (SELECT FROM complaints AS pending WHERE pending.person_id = {person} AND pending.ended_at IS NULL)"
)
RETENTION = Retention("services", RULES, _DISPUTED)
