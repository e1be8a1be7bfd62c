from pydantic import BaseModel, Field

from svc_identity.people.agreements.documents import DocumentName


class AgreementSection(BaseModel):
    heading: str
    paragraphs: list[str] = Field(description="A paragraph that begins with `- ` is a line of a list.")


class Agreement(BaseModel):
    """A document that people read before they register."""

    document: DocumentName
    version: str = Field(description="The date of the version.", examples=["2026-12-01"])
    in_force: bool
    language: str = Field(description="BCP 47.", examples=["kk-Arab"])
    title: str
    sections: list[AgreementSection]


class Agreements(BaseModel):
    version: str = Field(description="The version in force, of both documents.", examples=["2026-12-01"])
    versions: list[str] = Field(description="All versions, the one in force last; each stays readable.")
    documents: list[DocumentName]
