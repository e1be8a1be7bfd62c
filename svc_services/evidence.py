"""What this service states of the personal data that it holds, for `python -m deploy.evidence`."""

from kit.evidence.facts import Evidence, Figure, Held, Party

_ACCOUNTS, _TRAIL = "utility_accounts", "audit_trail"
_CLOSED = "the number is overwritten when the closure of the account takes effect"

TABLES = {
    "account_bindings": Held(_ACCOUNTS, _CLOSED),
    "holder_changes": Held(_ACCOUNTS, "kept: who holds an account from which day on"),
    "provider_applications": Held(_TRAIL, "kept with the company; the contact's phone is that of the company"),
    "provider_changes": Held(_TRAIL, "kept: who changed the connection of a company"),
    "tariff_plans": Held(_TRAIL, "kept: who published or refused which tariff"),
    "claimed_organisations": Held(_ACCOUNTS, "when somebody else represents the organisation"),
    "mandates": Held(_ACCOUNTS, "kept: who acted for which organisation"),
    "staff_roles": Held(_TRAIL, "kept: who held which power, and when"),
    "applications": Held(_ACCOUNTS, "drafts are deleted and forms erased when the closure of the account takes effect"),
    "application_steps": Held(_ACCOUNTS, "reasons are erased when the closure of the account takes effect"),
    "application_fees": Held(_ACCOUNTS, "kept with the application; holds ids and amounts only"),
    "workflows": Held(_TRAIL, "kept: which operator proposed and published it; of residents it holds nothing"),
    "application_attempts": Held("abuse_prevention", "an hour"),
    "used_attestations": Held("abuse_prevention", "when the attestation has expired"),
}
IMPERSONAL = frozenset(
    {
        *("providers", "ended_keys", "provider_keys", "key_sources", "key_fetches", "fetched_keys", "key_warnings"),
        *("used_proofs", "company_organisations", "tariffs", "tariff_tiers", "utility_kinds", "townships"),
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
)
EVIDENCE = Evidence(
    "services",
    TABLES,
    IMPERSONAL,
    FIGURES,
    PARTIES,
    frozenset({"svc_services.providers.key_sources.provider", "svc_services.providers.applications.provider"}),
)
