from fastapi import APIRouter, Depends

from chassis.auth import allow
from chassis.db import ReadTx
from svc_payments.ledger import queries, schemas

router = APIRouter(prefix="/payments/v1", tags=["ledger"])


@router.get("/ledger/trial-balance", dependencies=[Depends(allow(role=("operator", "auditor")))])
async def get_trial_balance(tx: ReadTx) -> schemas.TrialBalance:
    """All accounts of the ledger at one moment; the books are right when debits equal credits."""
    return await queries.trial_balance(tx)
