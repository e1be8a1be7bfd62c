"""Who gets a gray release: a rule without a memory, so that each person's answer never changes back."""

import hashlib
from uuid import UUID

BUCKETS = 10_000


def bucket_of(app_id: UUID, person_id: UUID) -> int:
    """The person's bucket for this app. It differs by app, so that no person is always among the first."""
    digest = hashlib.sha256(app_id.bytes + person_id.bytes).digest()
    return int.from_bytes(digest[:8]) % BUCKETS


def gets(
    *, app_id: UUID, person_id: UUID, division_code: str, is_tester: bool, first_division_code: str | None, percent: int
) -> bool:
    """Whether a person in a division gets the gray release. Each stage keeps everybody of the stage before."""
    if is_tester or (first_division_code is not None and first_division_code == division_code):
        return True
    return bucket_of(app_id, person_id) < percent * (BUCKETS // 100)
