"""Settings of services whose rules need a second person."""

from typing import Annotated

from pydantic import Field

CoolingOffHours = Annotated[float, Field(ge=0, le=24 * 30)]
"""For so long somebody has held a role who acts by it as the second person."""
