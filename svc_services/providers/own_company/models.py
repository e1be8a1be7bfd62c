from uuid import UUID

from sqlalchemy.orm import Mapped, mapped_column

from svc_services.base import Base


class CompanyOrganisation(Base):
    """The organisation whose members act for a provider by their roles, as svc_identity says."""

    __tablename__ = "company_organisations"

    provider_id: Mapped[UUID] = mapped_column(primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(index=True)
