"""What the security log says of sign-ins: the person behind a phone by id, and never the phone."""

from uuid import UUID

from chassis.db import Database
from chassis.telemetry import SecurityEvent
from svc_identity.people.persons.service import registered

SIGN_IN_PASSED = SecurityEvent("sign_in_passed")
SIGN_IN_FAILED = SecurityEvent("sign_in_failed")
CODE_SENT = SecurityEvent("code_sent")
CODE_REFUSED = SecurityEvent("code_refused")


async def registered_person(database: Database, phone: str) -> UUID | None:
    async with database.read() as tx:
        return await registered(tx, phone)
