"""Uploads of packages in parts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "package_uploads",
        sa.Column("app_id", sa.Uuid(), nullable=False),
        sa.Column("version_code", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("package_id", sa.Uuid(), nullable=True),
        sa.Column("refusal", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("begun_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("length", sa.BigInteger(), nullable=True),
        sa.Column("received", sa.BigInteger(), nullable=False),
        sa.Column("parts", sa.Integer(), nullable=False),
        sa.Column("appender", sa.Uuid(), nullable=True),
        sa.Column("touched_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('receiving', 'received', 'accepted', 'refused')", name=op.f("ck_package_uploads_status")
        ),
        sa.CheckConstraint("received >= 0 AND received <= length", name=op.f("ck_package_uploads_within_length")),
        sa.CheckConstraint("status = 'receiving' OR length = received", name=op.f("ck_package_uploads_whole")),
        sa.CheckConstraint(
            "(status = 'accepted') = (package_id IS NOT NULL)", name=op.f("ck_package_uploads_accepted_with_package")
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal IS NOT NULL)", name=op.f("ck_package_uploads_refused_with_reason")
        ),
        sa.ForeignKeyConstraint(["app_id"], ["apps.id"], name=op.f("fk_package_uploads_app_id_apps")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_package_uploads_package_id_packages")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_package_uploads")),
    )
    op.create_index(op.f("ix_package_uploads_app_id_id"), "package_uploads", ["app_id", "id"])
    op.create_index("ix_package_uploads_touched_at", "package_uploads", ["touched_at"])
    op.create_index(
        "ix_package_uploads_open",
        "package_uploads",
        ["app_id"],
        postgresql_where=sa.text("status IN ('receiving', 'received')"),
    )
    op.create_table(
        "package_upload_parts",
        sa.Column("upload_id", sa.Uuid(), nullable=False),
        sa.Column("begins_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("length(content) > 0", name=op.f("ck_package_upload_parts_content")),
        sa.ForeignKeyConstraint(
            ["upload_id"],
            ["package_uploads.id"],
            name=op.f("fk_package_upload_parts_upload_id_package_uploads"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("upload_id", "begins_at", name=op.f("pk_package_upload_parts")),
    )


def downgrade() -> None:
    op.drop_table("package_upload_parts")
    op.drop_table("package_uploads")
