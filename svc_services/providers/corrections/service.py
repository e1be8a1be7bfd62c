"""An applicant corrects its application until it is decided.

A correction raises the revision of the application. Conformance runs and endorsements are of one revision, so what they
said of an earlier one counts no more.
"""

from typing import Any
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.auth import Caller
from chassis.problems import NotFound, checked_move
from chassis.telemetry import SecurityEvent
from kit.endpoint_urls import Endpoints
from kit.etags import IfMatchMissing, etag_of, require_unchanged
from kit.key_sets import public_key_set
from kit.security_log import record_on_commit
from svc_services.providers.applications import key_claims
from svc_services.providers.applications import schemas as applications
from svc_services.providers.applications.models import TRANSITIONS, ApplicationStatus, ProviderApplication
from svc_services.providers.applications.service import NO_KEYS, ApplicationExists, accepted_parameters, shown
from svc_services.providers.conformance.models import Sandbox
from svc_services.providers.corrections import schemas
from svc_services.providers.corrections.models import ApplicationCorrection
from svc_services.providers.organisations import service as organisations
from svc_services.reference.service import require_divisions

CORRECTED = SecurityEvent("client_application_corrected")
Columns = dict[str, Any]


async def checked(endpoints: Endpoints, new: schemas.NewApplicationCorrection) -> Columns:
    """The corrected columns; outside any transaction, because names are resolved.

    Raises:
        PrivateKeySent, BadKeySet, EndpointUrlRefused, BadCustomerParameters
    """
    columns: Columns = new.model_dump(mode="json", exclude_unset=True)
    if new.division_codes:
        columns["division_codes"] = sorted(set(new.division_codes))
    if new.jwks is not None:
        columns |= {"jwks": public_key_set(new.jwks), "jwks_uri": None}
    if new.jwks_uri:
        columns |= {"jwks": NO_KEYS, "jwks_uri": await endpoints.accepted(new.jwks_uri)}
    if new.endpoint_url:
        columns["endpoint_url"] = await endpoints.accepted(new.endpoint_url)
    if new.customer_parameters:
        columns["customer_parameters"] = accepted_parameters(new.customer_parameters).model_dump(mode="json")
    return columns


async def correct(
    tx: AsyncSession, applicant: Caller | None, application_id: UUID, wanted: Columns, if_match: str | None
) -> applications.ProviderApplication:
    """Correct an application that is not decided; `applicant` is None where its token was shown.

    Raises:
        NotFound, IllegalMove, IfMatchMissing, EditedMeanwhile, UnknownDivision, KeyAlreadyUsed, ApplicationExists
        OrganisationClaimedByOther, NotForOrganisation, BeyondMandate, ApplicationUnproved
    """
    seen = await tx.get(ProviderApplication, application_id)
    if seen is None:
        raise NotFound
    codes = wanted.get("division_codes", seen.division_codes)
    await require_divisions(tx, codes)
    # The organisation is locked before its application, as whoever ends what somebody may do here locks them.
    speaker = await organisations.require_speaker(tx, applicant, seen.uscc, codes)
    application = await tx.get_one(ProviderApplication, application_id, with_for_update=True, populate_existing=True)
    checked_move(TRANSITIONS, ApplicationStatus(application.status), ApplicationStatus.APPROVED)
    await organisations.require_proved(tx, application)
    if if_match is None:
        raise IfMatchMissing
    require_unchanged(if_match, etag_of(application.revision))
    before = {name: getattr(application, name) for name in wanted if getattr(application, name) != wanted[name]}
    if before:
        await _take_over(tx, application, before, wanted, speaker)
    return shown(application)


async def _take_over(
    tx: AsyncSession, application: ProviderApplication, before: Columns, wanted: Columns, speaker: UUID | None
) -> None:
    if "jwks" in before:
        await key_claims.require_unclaimed(tx, wanted["jwks"])
    if "kind" in before and application.proved_by:
        await organisations.displace_unproved(tx, application.uscc, wanted["kind"])
    if "customer_parameters" in before:
        await tx.execute(delete(Sandbox).where(Sandbox.application_id == application.id))
    for name in before:
        setattr(application, name, wanted[name])
    application.revision += 1
    fields, former = sorted(before), {name: value for name, value in before.items() if name != "contact_phone"}
    tx.add(
        ApplicationCorrection(
            application_id=application.id,
            revision=application.revision,
            fields=fields,
            before=former,
            corrected_by=speaker,
        )
    )
    try:
        await tx.flush()
    except IntegrityError:  # of live applications of a company there is one for each kind
        raise ApplicationExists from None
    record_on_commit(tx, CORRECTED, application_id=application.id, corrected_by=speaker)


def shown_correction(correction: ApplicationCorrection) -> schemas.ApplicationCorrection:
    return schemas.ApplicationCorrection(
        revision=correction.revision,
        fields=correction.fields,
        before=correction.before,
        corrected_by=correction.corrected_by,
        corrected_at=correction.corrected_at,
    )
