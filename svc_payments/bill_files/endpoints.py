from fastapi import APIRouter

router = APIRouter(prefix="/payments/v1", tags=["bill files"])
