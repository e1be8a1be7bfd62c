"""A public key is one connection's for ever."""

import base64
import hashlib
import json
from collections.abc import Mapping

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SEALED = (SealedTable("provider_keys", key=f"{ROW}.thumbprint"),)
_WIDTHS = {"EC": {"x": 32, "y": 32}, "RSA": {"e": 0, "n": 0}}
# Every key that a connection has or had; where two have one, it stays with the one that was connected first.
_KEYS = """
    SELECT provider_id, key FROM (
        SELECT id AS provider_id, jsonb_array_elements(jwks -> 'keys') AS key FROM providers
        UNION SELECT id, jsonb_array_elements(jwks -> 'keys') FROM provider_applications WHERE status = 'approved'
        UNION SELECT provider_id, details -> 'key' FROM provider_changes
            WHERE action = 'add_key' AND status = 'approved'
    ) AS known JOIN providers ON providers.id = provider_id ORDER BY approved_at, provider_id
"""


def upgrade() -> None:
    op.create_table(
        "provider_keys",
        sa.Column("thumbprint", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["provider_id"], ["providers.id"], name=op.f("fk_provider_keys_provider_id_providers")),
        sa.PrimaryKeyConstraint("thumbprint", name=op.f("pk_provider_keys")),
    )
    connection = op.get_bind()
    add = sa.text("INSERT INTO provider_keys VALUES (:thumbprint, :provider_id) ON CONFLICT DO NOTHING")
    for provider_id, key in connection.execute(sa.text(_KEYS)).all():
        connection.execute(add, {"thumbprint": _thumbprint(key), "provider_id": provider_id})
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_table("provider_keys")


def _thumbprint(key: Mapping[str, str]) -> str:
    """RFC 7638, of the key's one form: those accepted before may have leading zeros."""
    members = {name: _one_form(key[name], width) for name, width in _WIDTHS[key["kty"]].items()}
    named = {**members, "kty": key["kty"]} | ({"crv": key["crv"]} if key["kty"] == "EC" else {})
    digest = hashlib.sha256(json.dumps(named, sort_keys=True, separators=(",", ":")).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _one_form(written: str, width: int) -> str:
    number = base64.urlsafe_b64decode(written + "=" * (-len(written) % 4)).lstrip(b"\0").rjust(width, b"\0")
    return base64.urlsafe_b64encode(number).rstrip(b"=").decode()
