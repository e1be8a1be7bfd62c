"""Materials of applications, papers, and who has looked at a case."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import SealedTable, with_hashes

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_SEALED = (SealedTable("case_reads"), SealedTable("papers", with_hashes(code=("code",))))
_MATERIAL_CHECKS = {
    "status": "status IN ('receiving', 'received', 'kept', 'refused')",
    "media_type": "media_type IN ('application/pdf', 'image/jpeg', 'image/png')",
    "within_length": "received >= 0 AND received <= length",
    "whole": "status = 'receiving' OR length = received",
    "refused_with_reason": "(status = 'refused') = (refusal IS NOT NULL)",
    "kept": "status <> 'kept' OR (media_type IS NOT NULL AND sha256 IS NOT NULL)",
    "scanned": "scanned_at IS NULL OR status IN ('kept', 'refused')",
}


def upgrade() -> None:
    _create_materials()
    _create_uses()
    _create_reads()
    _create_papers()
    extend_trail(_SEALED)


def _create_materials() -> None:
    op.create_table(
        "materials",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("length", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("appender", sa.Uuid(), nullable=True),
        sa.Column("touched_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "status")),
        sa.Column("media_type", sa.Text(), nullable=True),
        sa.Column("refusal", JSONB(), nullable=True),
        sa.Column("scanned_at", _TIME, nullable=True),
        sa.Column("scan_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_materials_{name}")) for name, rule in _MATERIAL_CHECKS.items()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_materials")),
    )
    op.create_index("ix_materials_person_id_id", "materials", ["person_id", "id"])
    op.create_index("ix_materials_touched_at", "materials", ["touched_at"])
    for name, column, where in (
        ("unfinished", "touched_at", "status IN ('receiving', 'received')"),
        ("unscanned", "scan_at", "status = 'kept' AND scanned_at IS NULL"),
    ):
        op.create_index(f"ix_materials_{name}", "materials", [column], postgresql_where=sa.text(where))
    op.create_table(
        "material_parts",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(content) > 0", name=op.f("ck_material_parts_content")),
        sa.ForeignKeyConstraint(
            ["upload_id"], ["materials.id"], name=op.f("fk_material_parts_upload_id_materials"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("upload_id", "begins_at", name=op.f("pk_material_parts")),
    )


def _create_uses() -> None:
    op.create_table(
        "application_materials",
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("material_id", sa.Uuid(), nullable=False),
        sa.Column("attached_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"],
            ["applications.id"],
            name=op.f("fk_application_materials_application_id_applications"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["material_id"], ["materials.id"], name=op.f("fk_application_materials_material_id_materials")
        ),
        sa.PrimaryKeyConstraint("application_id", "material_id", name=op.f("pk_application_materials")),
    )
    op.create_index("ix_application_materials_material_id", "application_materials", ["material_id"])
    op.create_table(
        "removed_objects",
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("removed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("object_key", name=op.f("pk_removed_objects")),
    )


def _create_reads() -> None:
    op.create_table(
        "case_reads",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "application_id", "reader_id")),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("read_at", _TIME, nullable=False),
        sa.CheckConstraint("action IN ('read_case', 'read_material', 'read_paper')", name=op.f("ck_case_reads_action")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_case_reads_application_id_applications")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_reads")),
    )
    op.create_index("ix_case_reads_application_id_id", "case_reads", ["application_id", "id"])


def _create_papers() -> None:
    op.create_table(
        "papers",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("id", "application_id", "step_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "language", "issuer")),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.CheckConstraint(
            "kind IN ('receipt', 'acceptance', 'correction', 'refusal', 'extension', 'decision', 'delivery')",
            name=op.f("ck_papers_kind"),
        ),
        sa.CheckConstraint("octet_length(code_hash) = 32", name=op.f("ck_papers_code_hash")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_papers_application_id_applications")
        ),
        sa.ForeignKeyConstraint(
            ["step_id"], ["application_steps.id"], name=op.f("fk_papers_step_id_application_steps")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_papers")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_papers_code_hash")),
        sa.UniqueConstraint("step_id", "language", name="uq_papers_step_language"),
    )
    op.create_index("ix_papers_application_id_id", "papers", ["application_id", "id"])
    op.create_table(
        "paper_contents",
        sa.Column("paper_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["paper_id"], ["papers.id"], name=op.f("fk_paper_contents_paper_id_papers")),
        sa.PrimaryKeyConstraint("paper_id", name=op.f("pk_paper_contents")),
    )
    op.create_table(
        "paper_checks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("checked_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_checks")),
    )
    op.create_index("ix_paper_checks_line_checked_at", "paper_checks", ["line", "checked_at"])


def downgrade() -> None:
    shorten_trail(_SEALED)
    for table in ("paper_checks", "paper_contents", "papers", "case_reads", "removed_objects"):
        op.drop_table(table)
    for table in ("application_materials", "material_parts", "materials"):
        op.drop_table(table)
