"""Who may call, and path parameters: what the endpoints of the counter share."""

from typing import Annotated

from fastapi import Depends, Path

from chassis.auth import Caller, allow
from svc_payments.tills.service import CLERK, OVERSEERS, SUPERVISOR

Clerk = Annotated[Caller, Depends(allow(scope="staff", role=CLERK, assurance_level=2))]
Supervisor = Annotated[Caller, Depends(allow(scope="staff", role=SUPERVISOR, assurance_level=2))]
Reader = Annotated[Caller, Depends(allow(scope="staff", role=(CLERK, SUPERVISOR, *OVERSEERS)))]
RefundNumber = Annotated[str, Path(pattern="^[0-9a-f]{32}$")]
