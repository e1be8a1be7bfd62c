from typing import ClassVar

from pydantic import field_validator

from chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    service: ClassVar[str] = "miniapps"

    packages: str
    """The object store of packages: `file:///folder`, or `s3://bucket/prefix` with the usual AWS_* variables."""

    @field_validator("packages")
    @classmethod
    def _is_durable(cls, value: str) -> str:
        if not value.startswith(("file:///", "s3://")):
            raise ValueError("must be a file:///… or s3://… URL")
        return value
