"""What this service states of the personal data that it holds, for `python -m deploy.evidence`."""

from kit.evidence.facts import Evidence, Figure, Held, Party

_ACCOUNTS, _TRAIL = "utility_accounts", "audit_trail"
_CLOSED = "the number is overwritten when the closure of the account takes effect, or three years after it ended"

TABLES = {
    "account_bindings": Held(_ACCOUNTS, _CLOSED),
    "account_invitations": Held(
        _ACCOUNTS,
        "its words are erased after three years, or when the owner or the invited person closes their account",
    ),
    "binding_ends": Held(_TRAIL, "kept: which operators ended a binding, and why"),
    "holder_changes": Held(_ACCOUNTS, "kept: who holds an account from which day on"),
    "meter_readings": Held(
        _ACCOUNTS, "kept for the provider; who read is unlinked after three years, or when they close their account"
    ),
    "meter_changes": Held(_ACCOUNTS, "kept: which meter an account has from which day on"),
    "deliveries": Held(_ACCOUNTS, "90 days after it was received or given up; holds ids and steps only"),
    "delivery_attempts": Held(_ACCOUNTS, "90 days: when a delivery was tried, and what came of it"),
    "account_premises": Held(_ACCOUNTS, "within an hour after the last binding of the account has ended"),
    "outage_notices": Held(_ACCOUNTS, "half a year after the person was told"),
    "arrears_notices": Held(
        _ACCOUNTS, "the account and its bills are erased three years after the end; the rest is kept"
    ),
    "arrears_bills": Held(_ACCOUNTS, "three years after the end of the notice; holds ids only"),
    "bill_disputes": Held(_ACCOUNTS, "three years after the decision; holds ids and times only"),
    "arrears_steps": Held(_ACCOUNTS, "kept with the notice; holds days and times only"),
    "provider_applications": Held(_TRAIL, "kept with the company; the contact's phone is that of the company"),
    "application_corrections": Held(_TRAIL, "kept: who corrected the application of a company; never a phone"),
    "provider_changes": Held(_TRAIL, "kept: who changed the connection of a company"),
    "conformance_runs": Held(_TRAIL, "kept: who had a company's system examined, and what was found"),
    "provider_endorsements": Held(_TRAIL, "kept: which operators connected a company"),
    "tariff_plans": Held(_TRAIL, "kept: who published or refused which tariff"),
    "service_items": Held(_TRAIL, "kept: who drafted, published or refused which guide"),
    "claimed_organisations": Held(_ACCOUNTS, "when somebody else represents the organisation"),
    "mandates": Held(_ACCOUNTS, "kept: who acted for which organisation"),
    "staff_roles": Held(_TRAIL, "kept: who held which power, and when"),
    "applications": Held(_ACCOUNTS, "forms are erased three years after the end, and with the closure of the account"),
    "application_steps": Held(_ACCOUNTS, "reasons are erased three years after its end, and with the closure"),
    "joint_applications": Held(
        _ACCOUNTS, "the form of a draft moves to its cases when it is filed; drafts go with the closure of the account"
    ),
    "joint_branches": Held(_ACCOUNTS, "kept with the cases: which of them are one matter; a draft has the number"),
    "joint_surveys": Held(_ACCOUNTS, "kept with the cases: which day was agreed on for a visit"),
    "joint_survey_answers": Held(_TRAIL, "kept: on which days a company could come; of residents it holds nothing"),
    "joint_results": Held(_TRAIL, "kept: how the branches ended; it names nobody"),
    "materials": Held(_ACCOUNTS, "30 days after the last use; when the closure of the account takes effect"),
    "application_materials": Held(_ACCOUNTS, "three years after the end of the case; with the material"),
    "material_uses": Held(
        _ACCOUNTS, "three years after the end of the complaint, or after the reading; with the material"
    ),
    "papers": Held(_TRAIL, "kept: what proves a paper; it names nobody"),
    "paper_contents": Held(_ACCOUNTS, "three years after the end of the case; when the closure takes effect"),
    "case_reads": Held(_TRAIL, "kept: who looked at which case"),
    "paper_checks": Held("abuse_prevention", "an hour"),
    "application_fees": Held(_ACCOUNTS, "kept with the application; holds ids and amounts only"),
    "workflows": Held(_TRAIL, "kept: which operator proposed and published it; of residents it holds nothing"),
    "application_promise_moves": Held(_ACCOUNTS, "kept with the case: why its promised day moved"),
    "counter_filings": Held(
        _TRAIL, "content is erased once filed, and after a day; kept: who confirmed what a clerk took in, as a digest"
    ),
    "counter_filing_materials": Held(_ACCOUNTS, "when it is filed, or after a day, with the file"),
    "case_routings": Held(_TRAIL, "kept: which clerk moved a case, from where to where"),
    "case_assignments": Held(_TRAIL, "kept: which operator assigned a case to which clerk"),
    "case_extensions": Held(_TRAIL, "kept: who extended a promise, by how many days"),
    "case_migrations": Held(_TRAIL, "kept: which operators moved cases to another version; it names no resident"),
    "account_clashes": Held(_TRAIL, "kept: which operator found out whose an account is; it names no resident"),
    "migrated_cases": Held(_TRAIL, "kept: which case was moved to another version of its workflow; it names nobody"),
    "calendar_changes": Held(_TRAIL, "kept: which operator proposed and approved it; of residents it holds nothing"),
    "supervision_orders": Held(_TRAIL, "kept: which operator asked whom about which case"),
    "supervision_order_entries": Held(_TRAIL, "kept: what staff and companies wrote about a case"),
    "rating_requests": Held(_ACCOUNTS, "kept with the case: that its applicant was asked once"),
    "ratings": Held(
        _ACCOUNTS, "words are erased after three years, and with the closure of the account; the grade stays"
    ),
    "rating_appeals": Held(_TRAIL, "kept: who appealed and who decided"),
    "rectifications": Held(_TRAIL, "kept: how what was rated badly was put right"),
    "rectification_entries": Held(_TRAIL, "kept: what staff and companies wrote about it"),
    "complaints": Held(
        _ACCOUNTS,
        "words, contact and account number are erased three years after the end, and with the closure of the account",
    ),
    "complaint_entries": Held(_ACCOUNTS, "words are erased three years after the end, and with the closure"),
    "complaint_reads": Held(_TRAIL, "kept: who looked at which complaint"),
    "hotline_tickets": Held(_TRAIL, "kept: which complaints the hotline knows; of people it holds nothing"),
    "application_attempts": Held("abuse_prevention", "an hour"),
    "used_attestations": Held("abuse_prevention", "when the attestation has expired"),
}
IMPERSONAL = frozenset(
    {
        *("providers", "ended_keys", "provider_keys", "key_sources", "key_fetches", "fetched_keys", "key_warnings"),
        *("used_proofs", "company_organisations", "sandboxes", "tariffs", "tariff_tiers", "utility_kinds", "townships"),
        *("material_parts", "removed_objects"),
        "meter_books",
        "calendar_days",
        "delivery_endpoints",
        *("outages", "outage_areas", "outage_versions", "outage_rounds"),
    }
)
FIGURES = (
    Figure(
        "account_bindings",
        "户号绑定：按状态，件数和人数",
        "SELECT status, ended_at IS NOT NULL AS ended, count(*) AS bindings, count(DISTINCT person_id) AS persons, "
        "min(created_at)::date AS first_created FROM account_bindings GROUP BY 1, 2 ORDER BY 1, 2",
    ),
    Figure(
        "recipients",
        "接收户号和姓名声明的公用事业单位：接入日期和已绑定户号数",
        "SELECT provider.name, provider.kind, provider.uscc, provider.approved_at::date AS since, "
        "provider.suspended_at::date AS suspended, count(binding.id) AS bindings FROM providers AS provider "
        "LEFT JOIN account_bindings AS binding ON binding.provider_id = provider.id GROUP BY provider.id ORDER BY 4, 1",
    ),
    Figure(
        "holder_changes",
        "户主变更：按状态的件数",
        "SELECT status, count(*) AS changes FROM holder_changes GROUP BY 1 ORDER BY 1",
    ),
)
PARTIES = (
    Party(
        "provider_of_the_account",
        "户号所在的公用事业单位",
        ("name", "account_number"),
        "svc_services.accounts.bindings.provider",
    ),
    Party(
        "hotline",
        "12345 政务服务便民热线：居民要求转办的投诉，或热线转来的工单",
        ("complaint", "name", "phone"),
        "svc_services.supervision.hotline.provider",
    ),
)
EVIDENCE = Evidence(
    "services",
    TABLES,
    IMPERSONAL,
    FIGURES,
    PARTIES,
    frozenset(
        {
            "svc_services.providers.key_sources.provider",
            "svc_services.providers.applications.provider",
            "svc_services.providers.deliveries.provider",
        }
    ),
)
