"""The trail of personal data, roles and clients becomes a hash chain."""

from kit.audit.migration import create_trail, drop_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes, without

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Hashed together with the ciphertext, whose nonce is random: the index alone could be found by trying all phones.
_PERSON = with_hashes(
    phone=("phone",),
    phone_index=("phone", "phone_index"),
    name=("name",),
    id_number=("id_number",),
    id_number_index=("id_number", "id_number_index"),
)

_SEALED = (
    SealedTable("personal_data_reads"),
    SealedTable("persons", _PERSON),
    # The index of a number that failed could be tried out for ever.
    SealedTable("proofing_attempts", without("id_number_index")),
    SealedTable("organisations"),
    SealedTable("memberships"),
    SealedTable("role_changes", with_hashes(reason=("reason",))),
    SealedTable("clients", key=f"{ROW}.client_id"),
)


def upgrade() -> None:
    create_trail(_SEALED)


def downgrade() -> None:
    drop_trail(_SEALED)
