from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from svc_services.fields import Reason


class WantedExtension(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    days: Annotated[int, Field(strict=True, ge=1, le=60)]
    """Working days; at most `extension_days` of the workflow."""
    reason: Reason
    """The applicant reads it."""
