"""Sign-ins have devices, people and clients are suspended, phones change hands."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_SEALED = (SealedTable("suspensions", with_hashes(reason=("reason",), lift_reason=("lift_reason",))),)
_END_REASONS = ("revoked", "reuse", "code_reuse")
_CHECKS = {
    "one_subject": "num_nonnulls(person_id, client_id) = 1",
    "lifted_whole": "num_nulls(lift_reason, lifted_by, lifted_at) IN (0, 3)",
    "second_person": "lifted_by <> suspended_by",
}
# Services that now keep who has no access learn it of the clients that are suspended already.
ANNOUNCE = """
    INSERT INTO outbox (id, topic, key, payload)
    SELECT event_id, 'ili.identity.client.v1', client_id, convert_to(json_build_object(
        'specversion', '1.0', 'id', event_id, 'type', 'cn.ili.identity.client.suspended.v1',
        'source', '/identity', 'subject', client_id,
        'time', to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'datacontenttype', 'application/json', 'data', json_build_object('client_id', client_id, 'revision', standing)
    )::text, 'UTF8')
    FROM (SELECT gen_random_uuid() AS event_id, client_id, standing FROM clients WHERE suspended) AS suspended_clients
"""


def upgrade() -> None:
    op.add_column("clients", sa.Column("stopped", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("clients", sa.Column("standing", sa.Integer(), server_default="0", nullable=False))
    op.execute("UPDATE clients SET standing = 1 WHERE suspended")
    op.get_bind().exec_driver_sql(ANNOUNCE)
    _allow_end_reasons(*_END_REASONS, "suspended")
    _create_suspensions()
    for table in ("authorization_codes", "token_families"):
        op.add_column(table, sa.Column("device", sa.Text(), nullable=True))
    _let_phones_change_hands()
    op.add_column("sign_ins", sa.Column("guesses", sa.SmallInteger(), server_default="0", nullable=False))
    op.create_index("ix_sent_codes_sent_at", "sent_codes", ["sent_at"])


def downgrade() -> None:
    op.drop_index("ix_sent_codes_sent_at", table_name="sent_codes")
    op.drop_column("sign_ins", "guesses")
    # Persons without a phone have none in the release before: it finds them no more, as it should.
    op.execute("UPDATE persons SET phone = '', phone_index = sha256(id::text::bytea) WHERE phone IS NULL")
    op.drop_constraint(op.f("ck_persons_phone_whole"), "persons")
    for column in ("phone", "phone_index"):
        op.alter_column("persons", column, nullable=False)
    op.drop_column("sign_ins", "former_id")
    op.drop_column("sign_ins", "held_at")
    op.drop_table("identity_tries")
    for table in ("authorization_codes", "token_families"):
        op.drop_column(table, "device")
    shorten_trail(_SEALED)
    op.drop_table("suspensions")
    op.execute("UPDATE token_families SET end_reason = 'revoked' WHERE end_reason = 'suspended'")
    _allow_end_reasons(*_END_REASONS)
    op.drop_column("clients", "standing")
    op.drop_column("clients", "stopped")


def _allow_end_reasons(*reasons: str) -> None:
    name = op.f("ck_token_families_end_reason")
    op.drop_constraint(name, "token_families")
    op.create_check_constraint(name, "token_families", f"end_reason IN ({', '.join(map(repr, reasons))})")


def _create_suspensions() -> None:
    people = ("person_id", "suspended_by", "lifted_by")
    op.create_table(
        "suspensions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("suspended_by", sa.Uuid(), nullable=False),
        sa.Column("suspended_at", _TIME, nullable=False),
        sa.Column("lift_reason", sa.Text(), nullable=True),
        sa.Column("lifted_by", sa.Uuid(), nullable=True),
        sa.Column("lifted_at", _TIME, nullable=True),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_suspensions_{name}")) for name, rule in _CHECKS.items()),
        *(sa.ForeignKeyConstraint([each], ["persons.id"], op.f(f"fk_suspensions_{each}_persons")) for each in people),
        sa.ForeignKeyConstraint(["client_id"], ["clients.client_id"], name=op.f("fk_suspensions_client_id_clients")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suspensions")),
    )
    lasting = sa.text("lifted_at IS NULL")
    for subject in ("person_id", "client_id"):
        name = f"uq_suspensions_{subject}_open"
        op.create_index(name, "suspensions", [subject], unique=True, postgresql_where=lasting)
    op.create_index("ix_suspensions_person_id", "suspensions", ["person_id"])
    extend_trail(_SEALED)


def _let_phones_change_hands() -> None:
    for column in ("phone", "phone_index"):
        op.alter_column("persons", column, nullable=True)
    op.create_check_constraint(op.f("ck_persons_phone_whole"), "persons", "(phone IS NULL) = (phone_index IS NULL)")
    op.add_column("sign_ins", sa.Column("held_at", _TIME, nullable=True))
    op.add_column("sign_ins", sa.Column("former_id", sa.Uuid(), nullable=True))
    op.create_table(
        "identity_tries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("phone_index", sa.LargeBinary(), nullable=False),
        sa.Column("tried_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_identity_tries")),
    )
    op.create_index("ix_identity_tries_phone_index_tried_at", "identity_tries", ["phone_index", "tried_at"])
