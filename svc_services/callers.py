"""Who may call: access rules that several slices share."""

from typing import Annotated

from fastapi import Depends

from chassis.auth import Caller, allow

only_operators = allow(scope="staff", role="operator")
Operator = Annotated[Caller, Depends(only_operators)]
Resident = Annotated[Caller, Depends(allow(scope="accounts", assurance_level=2))]
