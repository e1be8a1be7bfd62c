"""Signatures over packages, which are stored by their content; further targets, and files of reviewers."""

import sqlalchemy as sa
from alembic import op

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable, with_hashes

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_WITH_TARGETS = ("app_registrations", "package_faces", "package_uploads")
_CHANGED = (
    SealedTable("app_registrations", with_hashes(reason=("reason",))),
    SealedTable("package_faces", key=f"{ROW}.package_id::text"),
)
_NEW = (SealedTable("package_signatures", key=f"{ROW}.package_id::text"),)


def upgrade() -> None:
    op.create_table(
        "package_signatures",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("kid", sa.Text(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("signed_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("fk_package_signatures_package_id_packages")
        ),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_package_signatures")),
    )
    extend_trail(_NEW)
    _share_objects()
    shorten_trail(_CHANGED)
    for table in _WITH_TARGETS:
        op.add_column(table, sa.Column("targets", sa.ARRAY(sa.Text()), server_default="{}", nullable=False))
        op.alter_column(table, "targets", server_default=None)
    extend_trail(_CHANGED)
    _order_queue("due_at", "id")
    op.create_table(
        "review_files",
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by", sa.Uuid(), nullable=False),
        sa.Column("uploaded_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_review_files_review_id_reviews")),
        sa.PrimaryKeyConstraint("review_id", "sha256", name=op.f("pk_review_files")),
    )


def _order_queue(*columns: str) -> None:
    op.drop_index("ix_reviews_waiting", "reviews")
    op.create_index("ix_reviews_waiting", "reviews", [*columns], postgresql_where=sa.text("outcome = 'waiting'"))


def downgrade() -> None:
    op.drop_table("review_files")
    _order_queue("id")
    shorten_trail(_CHANGED)
    for table in _WITH_TARGETS:
        op.drop_column(table, "targets")
    extend_trail(_CHANGED)
    shorten_trail(_NEW)
    op.drop_table("package_signatures")
    op.drop_constraint(op.f("fk_packages_object_key_package_objects"), "packages")
    op.drop_index("ix_packages_object_key", "packages")
    op.create_unique_constraint("uq_packages_object_key", "packages", ["object_key"])
    op.drop_table("package_objects")


def _share_objects() -> None:
    op.create_table(
        "package_objects",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("touched_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_package_objects")),
    )
    op.create_index("ix_package_objects_touched_at", "package_objects", ["touched_at"])
    op.execute("INSERT INTO package_objects SELECT object_key, now() FROM packages")
    op.drop_constraint("uq_packages_object_key", "packages")
    op.create_index("ix_packages_object_key", "packages", ["object_key"])
    op.create_foreign_key(
        op.f("fk_packages_object_key_package_objects"), "packages", "package_objects", ["object_key"], ["key"]
    )
