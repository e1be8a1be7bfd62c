"""`python -m svc_services.trail verify | anchor`: prove who connected which company, and who holds which account.

The triggers of the migrations have their own copies; a change here needs a migration that replaces them.
"""

import sys

from kit.audit.anchoring import AUDIT_CHAIN
from kit.audit.command import Command
from kit.audit.proof import Trail
from kit.audit.sealing import ROW, SealedTable, with_hashes

# What could be guessed is hashed with a random column of its row, which is not in the seal itself.
_APPLICATION = with_hashes(
    contact_phone=("token_hash", "contact_phone"), token_hash=("token_hash",), refusal_reason=("refusal_reason",)
)
_BINDING = with_hashes(account_number=("request_id", "account_number"), request_id=("request_id",))
_INVITATION = with_hashes(label=("code_hash", "label"), code_hash=("code_hash",), name_mac=("code_hash", "name_mac"))
_COMPLAINT = with_hashes(
    subject_ref=("salt", "subject_ref"),
    words=("salt", "words"),
    contact_name=("salt", "contact_name"),
    contact_phone=("salt", "contact_phone"),
    salt=("salt",),
)

_ARREARS = with_hashes(account_number=("salt", "account_number"), bill_numbers=("salt", "bill_numbers"), salt=("salt",))

SEALED_TABLES = (
    SealedTable("provider_applications", _APPLICATION),
    SealedTable("application_corrections"),
    SealedTable("providers", with_hashes(suspension_reason=("suspension_reason",))),
    SealedTable("provider_changes", with_hashes(reason=("reason",))),
    SealedTable("ended_keys", key=f"{ROW}.provider_id || '/' || {ROW}.thumbprint"),
    SealedTable("provider_keys", key=f"{ROW}.thumbprint"),
    SealedTable("key_sources", key=f"{ROW}.provider_id::text"),
    SealedTable("tariffs"),
    SealedTable("tariff_tiers", key=f"{ROW}.tariff_id || '/' || {ROW}.position"),
    SealedTable("tariff_plans"),
    SealedTable("service_items"),
    SealedTable("holder_changes", with_hashes(reason=("reason",))),
    SealedTable("account_bindings", _BINDING),
    SealedTable("conformance_runs", only=f"{ROW}.status IN ('passed', 'failed')"),
    SealedTable("provider_endorsements", key=f"{ROW}.application_id::text"),
    SealedTable("case_reads"),
    SealedTable("papers", with_hashes(code=("code",))),
    SealedTable("account_invitations", _INVITATION),
    SealedTable("binding_ends", with_hashes(reason=("reason",))),
    SealedTable("calendar_changes"),
    SealedTable("calendar_days", key=f"{ROW}.day::text"),
    SealedTable("supervision_orders"),
    SealedTable("supervision_order_entries", with_hashes(words=("words",))),
    SealedTable("ratings", with_hashes(words=("salt", "words"), salt=("salt",))),
    SealedTable("rating_appeals", with_hashes(reason=("reason",), decision_reason=("decision_reason",))),
    SealedTable("rectifications"),
    SealedTable("rectification_entries", with_hashes(words=("words",))),
    SealedTable("joint_surveys", key=f"{ROW}.joint_application_id::text"),
    SealedTable("joint_survey_answers", key=f"{ROW}.joint_application_id || '/' || {ROW}.provider_id"),
    SealedTable("joint_results"),
    SealedTable("complaints", _COMPLAINT),
    SealedTable("complaint_entries", with_hashes(words=("words",))),
    SealedTable("complaint_reads"),
    SealedTable("counter_filings", only=f"{ROW}.status = 'filed'"),
    SealedTable("case_routings"),
    SealedTable("case_assignments"),
    SealedTable("case_extensions", key=f"{ROW}.application_id::text"),
    SealedTable("outages"),
    SealedTable("outage_versions", key=f"{ROW}.outage_id || '/' || {ROW}.version"),
    SealedTable("arrears_notices", _ARREARS),
    SealedTable("arrears_steps"),
    SealedTable("case_migrations"),
    SealedTable("migrated_cases"),
    SealedTable("account_clashes", with_hashes(reason=("reason",))),
)

TRAIL = Trail("services", SEALED_TABLES, {"audit": AUDIT_CHAIN})
COMMAND = Command("python -m svc_services.trail", TRAIL)


if __name__ == "__main__":
    raise SystemExit(COMMAND.main(sys.argv[1:]))
