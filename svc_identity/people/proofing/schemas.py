from pydantic import BaseModel

from svc_identity.fields import IdNumber
from svc_identity.people.names import PersonName


class Proof(BaseModel):
    """The claimed name and ID number."""

    name: PersonName
    id_number: IdNumber
