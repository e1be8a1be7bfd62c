"""Who reports what they do in apps: a signed-in person, by the host app on their phone."""

from typing import Annotated

from fastapi import Depends

from chassis.auth import Caller, allow

Person = Annotated[Caller, Depends(allow(scope="mini_apps", persons=True))]
