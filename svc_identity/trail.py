"""`python -m svc_identity.trail verify | anchor`: prove who read what, holds which role and may sign in.

The triggers of migrations 0007, 0011, 0013, 0015, 0016, 0017, 0020, 0021, 0022, 0024, 0027 and 0031 have their own copy
of these texts; a change here needs a migration that replaces them.
"""

import sys

from kit.audit.anchoring import AUDIT_CHAIN
from kit.audit.command import Command
from kit.audit.proof import Trail
from kit.audit.sealing import ROW, SealedTable, with_hashes, without

# Hashed together with the ciphertext, whose nonce is random: the index alone could be found by trying all phones.
_PERSON = with_hashes(
    phone=("phone",),
    phone_index=("phone", "phone_index"),
    name=("name",),
    id_number=("id_number",),
    id_number_index=("id_number", "id_number_index"),
)

_CLAIM = with_hashes(
    name=("name",),
    id_number=("id_number",),
    id_number_index=("id_number", "id_number_index"),
    reason=("reason",),
    return_reason=("return_reason",),
)
_ORDER = (
    "("
    + with_hashes(
        name=("name",), id_number=("id_number",), id_number_index=("id_number", "id_number_index"), reason=("reason",)
    )
    + ") - ARRAY['phone_index', 'phone_masked', 'name_index', 'helper_name']::text[]"
)
_FACTOR = f"({with_hashes(name=('name',), secret=('secret',))}) - ARRAY['last_step', 'sign_count', 'used_at']::text[]"
_PHONE_CHANGE = (
    *("old_phone", "old_index", "new_phone", "new_index", "old_hash", "new_hash", "stop_hash", "browser_hash"),
    "challenge",
)

SEALED_TABLES = (
    SealedTable("personal_data_reads"),
    SealedTable("persons", _PERSON),
    # The index of a number that failed could be tried out for ever.
    SealedTable("proofing_attempts", without("id_number_index")),
    SealedTable("organisations"),
    SealedTable("company_providers", key=f"{ROW}.provider_id::text"),
    SealedTable("represented_organisations"),
    # A phone and a name could be found by trying all of them.
    SealedTable("mandates", without("phone_index", "name_index", "phone_masked")),
    SealedTable(
        "family_accounts",
        without("phone_index", "name_index", "phone_masked", "helped_name", "helper_name", "reminders"),
    ),
    SealedTable("guardian_consents", without("child_index")),
    SealedTable("guardian_claims"),
    SealedTable("family_orders", _ORDER),
    SealedTable("memberships"),
    SealedTable("role_changes", with_hashes(reason=("reason",))),
    SealedTable("signing_key_terms", without("seen_at")),
    SealedTable("clients", key=f"{ROW}.client_id"),
    SealedTable("identity_claims", _CLAIM),
    SealedTable("suspensions", with_hashes(reason=("reason",), lift_reason=("lift_reason",))),
    SealedTable("factors", _FACTOR),
    SealedTable("enrolment_codes", with_hashes(reason=("reason",))),
    SealedTable("factor_resets", with_hashes(reason=("reason",))),
    SealedTable("consents"),
    SealedTable("app_access"),
    SealedTable("closures"),
    SealedTable("corrections", with_hashes(words=("words",), answer=("answer",))),
    SealedTable("passwords", with_hashes(hash=("hash",))),
    SealedTable("phone_changes", without(*_PHONE_CHANGE), only=f"{ROW}.status <> 'started'"),
    SealedTable("verifications", without("id_number_index", "network_index", "session_id")),
)

TRAIL = Trail("identity", SEALED_TABLES, {"audit": AUDIT_CHAIN})
COMMAND = Command("python -m svc_identity.trail", TRAIL)


if __name__ == "__main__":
    raise SystemExit(COMMAND.main(sys.argv[1:]))
