"""The catalogue of phones: texts, search words, icons, platform versions and differences between versions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from kit.audit.migration import extend_trail, shorten_trail
from kit.audit.sealing import ROW, SealedTable

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_CHANGED = (SealedTable("listings", key=f"{ROW}.app_id::text"),)
_SEALED = (
    SealedTable("package_faces", key=f"{ROW}.package_id::text"),
    SealedTable("package_deltas", key=f"{ROW}.from_package_id::text || ' ' || {ROW}.to_package_id::text"),
)


def upgrade() -> None:
    op.create_table(
        "icons",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_icons")),
    )
    op.create_table(
        "package_faces",
        sa.Column("package_id", sa.Uuid(), nullable=False),
        sa.Column("min_platform_code", sa.Integer(), nullable=False),
        sa.Column("icon_sha256", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["icon_sha256"], ["icons.sha256"], name=op.f("fk_package_faces_icon_sha256_icons")),
        sa.ForeignKeyConstraint(["package_id"], ["packages.id"], name=op.f("fk_package_faces_package_id_packages")),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_package_faces")),
    )
    shorten_trail(_CHANGED)
    _extend_listings()
    extend_trail(_CHANGED)
    _create_deltas()
    op.create_index("ix_releases_published_at", "releases", ["app_id", "published_at"])
    extend_trail(_SEALED)


def downgrade() -> None:
    shorten_trail(_SEALED)
    op.drop_index("ix_releases_published_at", "releases")
    shorten_trail(_CHANGED)
    for column in ("icon_sha256", "min_platform_code", "search_words", "texts"):
        op.drop_column("listings", column)
    extend_trail(_CHANGED)
    for table in ("package_deltas", "package_faces", "icons"):
        op.drop_table(table)


def _extend_listings() -> None:
    # Listings of before have their name and no icon, and run anywhere, until the next version.
    op.add_column("listings", sa.Column("texts", JSONB(), server_default="{}", nullable=False))
    op.add_column("listings", sa.Column("search_words", sa.Text(), server_default="", nullable=False))
    op.add_column("listings", sa.Column("min_platform_code", sa.Integer(), server_default="1", nullable=False))
    op.add_column("listings", sa.Column("icon_sha256", sa.Text(), nullable=True))
    for column in ("texts", "search_words", "min_platform_code"):
        op.alter_column("listings", column, server_default=None)
    op.create_foreign_key(op.f("fk_listings_icon_sha256_icons"), "listings", "icons", ["icon_sha256"], ["sha256"])


def _create_deltas() -> None:
    packages = ("from_package_id", "to_package_id")
    op.create_table(
        "package_deltas",
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in packages),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.Integer(), nullable=True),
        sa.Column("object_key", sa.Text(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("from_package_id <> to_package_id", name=op.f("ck_package_deltas_two_versions")),
        sa.CheckConstraint(
            "num_nonnulls(sha256, size_bytes, object_key) IN (0, 3)", name=op.f("ck_package_deltas_whole")
        ),
        *(
            sa.ForeignKeyConstraint([name], ["packages.id"], name=op.f(f"fk_package_deltas_{name}_packages"))
            for name in packages
        ),
        sa.PrimaryKeyConstraint(*packages, name=op.f("pk_package_deltas")),
        sa.UniqueConstraint("object_key", name=op.f("uq_package_deltas_object_key")),
    )
    op.create_index(op.f("ix_package_deltas_to_package_id"), "package_deltas", ["to_package_id"])
