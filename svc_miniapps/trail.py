"""`python -m svc_miniapps.trail verify | anchor`: prove what was uploaded, reviewed, approved and shown to residents.

The triggers of migrations 0002, 0005, 0008, 0010, 0011 and 0014 to 0017 have their own copies; a change here needs
another to replace them.
"""

import sys

from kit.audit.anchoring import AUDIT_CHAIN
from kit.audit.command import Command
from kit.audit.proof import Trail
from kit.audit.sealing import ROW, SealedTable, with_hashes, without

OF_COMPLAINTS = with_hashes(
    person_id=("person_id", "salt"),
    words=("words", "salt"),
    contact=("contact", "salt"),
    answer=("answer",),
    appeal=("appeal", "salt"),
    decision=("decision",),
    salt=("salt",),
)
SEALED_TABLES = (
    SealedTable("apps"),
    SealedTable("teams"),
    SealedTable("team_members"),
    SealedTable("app_handovers"),
    SealedTable("app_registrations", with_hashes(reason=("reason",))),
    SealedTable("app_filings", key=f"{ROW}.app_id::text"),
    SealedTable("packages"),
    SealedTable("releases"),
    SealedTable("reviews", with_hashes(reasons=("reasons",), checklist=("checklist",))),
    SealedTable("client_requests", with_hashes(reason=("reason",))),
    SealedTable("app_clients", with_hashes(suspension_reason=("suspension_reason",)), key=f"{ROW}.app_id::text"),
    SealedTable("listings", key=f"{ROW}.app_id::text"),
    SealedTable("gray_listings", key=f"{ROW}.app_id::text"),
    SealedTable("take_downs", with_hashes(reason=("reason",), appeal=("appeal",))),
    SealedTable("app_shutdowns"),
    SealedTable("app_complaints", OF_COMPLAINTS),
    SealedTable("team_quota_changes", with_hashes(reason=("reason",))),
    SealedTable("app_domains", without("checks", "check_at", "checked_at", "confirmed_at")),
    SealedTable("package_domains", key=f"{ROW}.package_id::text"),
    SealedTable(
        "app_ratings",
        with_hashes(words=("words", "salt"), person_id=("person_id", "salt"), hidden_reason=("hidden_reason",)),
    ),
    SealedTable("app_rating_replies", with_hashes(words=("words",))),
    SealedTable("recommended_lists", with_hashes(reason=("reason",))),
    SealedTable("package_faces", key=f"{ROW}.package_id::text"),
    SealedTable("package_signatures", key=f"{ROW}.package_id::text"),
    SealedTable("message_templates", with_hashes(reason=("reason",))),
    SealedTable("call_quotas", key=f"{ROW}.app_id::text || ' ' || {ROW}.operation"),
    SealedTable("package_deltas", key=f"{ROW}.from_package_id::text || ' ' || {ROW}.to_package_id::text"),
)

TRAIL = Trail("miniapps", SEALED_TABLES, {"audit": AUDIT_CHAIN})
COMMAND = Command("python -m svc_miniapps.trail", TRAIL)


if __name__ == "__main__":
    raise SystemExit(COMMAND.main(sys.argv[1:]))
