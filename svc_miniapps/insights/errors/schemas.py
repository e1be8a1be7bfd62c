import re
from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from kit.fields.divisions import DivisionCode
from svc_miniapps.fields import Code
from svc_miniapps.insights.errors import models
from svc_miniapps.packages.schemas import MAX_VERSION_CODE

_NUMBER = re.compile("[0-9]{5}")


def _names_nobody(page: str) -> str:
    """A phone or an ID number in an address would be personal data; pages of packages have no such numbers."""
    if _NUMBER.search(page.replace("-", "").replace(".", "").replace("/", "").replace("_", "")):
        raise ValueError("must not have five digits in a row")
    return page


PagePath = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9_./-]{1,120}$"), AfterValidator(_names_nobody)]
ErrorCode = Annotated[Code, AfterValidator(_names_nobody)]


class NewAppError(BaseModel):
    """An error in an app, without any text of it: texts may say anything of anybody."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    app_id: UUID
    version_code: int = Field(ge=1, le=MAX_VERSION_CODE)
    division_code: DivisionCode
    """Whose catalogue the person reads."""
    page: PagePath
    """The route of the page, without its query."""
    code: ErrorCode
    """A word for the kind of error, such as `script_error` or `request_failed`."""


class AppErrorReceipt(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    counted: bool
    """False once the person has reported twenty errors of this version today."""


class AppError(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    day: date
    version_code: int
    page: str
    """Empty for errors beyond the first two hundred kinds of a day, with the code `other`."""
    code: str
    reports: int

    @classmethod
    def of(cls, row: models.AppError) -> "AppError":
        names = ("day", "version_code", "page", "code", "reports")
        return cls(**{name: getattr(row, name) for name in names})
