"""Materials of complaints, photos of readings, disputed bills."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "material_uses",
        sa.Column("used_by", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in ("subject_id", "material_id")),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("used_by IN ('complaint', 'reading')", name=op.f("ck_material_uses_used_by")),
        sa.ForeignKeyConstraint(["material_id"], ["materials.id"], name=op.f("fk_material_uses_material_id_materials")),
        sa.PrimaryKeyConstraint("used_by", "subject_id", "material_id", name=op.f("pk_material_uses")),
    )
    op.create_index("ix_material_uses_material_id", "material_uses", ["material_id"])
    op.add_column("meter_readings", sa.Column("photo_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_meter_readings_photo_id",
        "meter_readings",
        ["photo_id"],
        postgresql_where=sa.text("photo_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_meter_readings_photo_id", table_name="meter_readings")
    op.drop_column("meter_readings", "photo_id")
    op.drop_table("material_uses")
