from pydantic import BaseModel, ConfigDict

from svc_services.reference.models import UtilityKind


class UtilityKindEntry(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    kind: UtilityKind
    name_zh: str
    name_en: str


class Division(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    name_zh: str
    name_en: str
    kind: str
    parent: str


class Township(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    code: str
    name_zh: str
    division_code: str
