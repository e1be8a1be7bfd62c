from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from chassis.text import Line
from kit.fields.divisions import DivisionCode
from svc_services.accounts.premises.models import comparable
from svc_services.fields import AccountNumber


def _comparable(address: str) -> str:
    if len(comparable(address)) < 2:  # noqa: PLR2004 - one character names no street
        raise ValueError("must name a street, a residential area or a building")
    return address


Address = Annotated[Line, Field(max_length=100), AfterValidator(_comparable)]


class Premises(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    division_code: DivisionCode
    address: Address
    """Street and building, such as 解放西路12号3栋, without province, prefecture and county. Leave the flat out."""


class PremisesOfAccount(Premises):
    account_number: AccountNumber


class PremisesReport(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    premises: Annotated[list[PremisesOfAccount], Field(min_length=1, max_length=500)]
    """A later report of an account replaces the one before."""


class PremisesReceived(BaseModel):
    model_config = ConfigDict(use_attribute_docstrings=True)

    received: int
    """How many accounts were named. It does not say which of them residents have bound."""
