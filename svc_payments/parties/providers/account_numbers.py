"""Account numbers as their provider declares them."""

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from kit.fields.customer_parameters import TEN_DIGITS, CustomerParameters, NumberDoesNotFit, canonical
from svc_payments.parties.providers.models import Provider

_AS_DECLARED = "As `customer_parameters` of its provider has it; full-width digits and spaces are taken as well."

# Any visible text long enough: whether it fits is a matter of the provider, and its refusal says what would.
AccountNumber = Annotated[
    str, Field(pattern=r"^[^\x00-\x1f\x7f]{4,64}$", description=_AS_DECLARED), AfterValidator(canonical)
]
"""An account number as people type it."""


class BadAccountNumber(NumberDoesNotFit):
    status, code = 422, "bad_account_number"


class BadAccountCheckDigit(NumberDoesNotFit):
    status, code = 422, "bad_account_check_digit"


async def parameters_of(tx: AsyncSession, provider_id: UUID) -> CustomerParameters:
    """What a provider declares; the rule of before for one that is not known here yet."""
    declared = await tx.scalar(select(Provider.customer_parameters).filter_by(provider_id=provider_id))
    return TEN_DIGITS if declared is None else CustomerParameters.model_validate(declared)


def require_fitting(parameters: CustomerParameters, number: str) -> None:
    """Refuse a number that is none of the provider's.

    Raises:
        BadAccountNumber, BadAccountCheckDigit
    """
    match parameters.fault(number):
        case "shape":
            raise BadAccountNumber(parameters)
        case "check_digit":
            raise BadAccountCheckDigit(parameters)


async def require_number_of(tx: AsyncSession, provider_id: UUID, number: str) -> None:
    """As `require_fitting`, by the declaration of this provider.

    Not for paying on an account that is bound or billed: it stays payable when the provider declares others.
    """
    require_fitting(await parameters_of(tx, provider_id), number)
