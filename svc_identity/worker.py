"""The second process: events, clients of approved providers, what expired is forgotten, the trail is anchored."""

import sys
from collections.abc import Sequence
from functools import partial

from chassis.db import Database
from chassis.service import Every, Worker, run_worker
from chassis.settings import load
from kit.audit.anchoring import PAUSE_SECONDS, Anchoring
from kit.evidence.retention import EVERY_SECONDS, carry_out
from svc_identity.index_rotation import rotate_indexes
from svc_identity.oauth import service as oauth
from svc_identity.oauth.consumers import HANDLERS
from svc_identity.oauth.events import (
    ClientKeyUnknown,
    ClientRegistered,
    ClientResumed,
    ClientSuspended,
    SignInEnded,
)
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.signing_keys.service import EVERY_SECONDS as NOTE_SECONDS
from svc_identity.oauth.signing_keys.service import note_signing_key
from svc_identity.oauth.worker import Notifier, end_sign_ins_of_removed_factors
from svc_identity.organisations.companies.events import ProviderLinked
from svc_identity.organisations.enrolment.events import FactorResetApproved, FactorResetProposed, FactorResetRejected
from svc_identity.organisations.events import OrganisationRegistered
from svc_identity.organisations.family_orders import service as family_orders
from svc_identity.organisations.lost_identities.models import IdentityNotice
from svc_identity.organisations.mandates import reminders
from svc_identity.organisations.mandates import service as mandates
from svc_identity.organisations.mandates.events import MandateAccepted, MandateEnded, MandateExpiring
from svc_identity.organisations.representation.events import OrganisationClaimed, RepresentationEnded
from svc_identity.organisations.role_changes import service as role_changes
from svc_identity.organisations.role_changes import terms
from svc_identity.organisations.role_changes.events import (
    MembershipExpiring,
    RoleChangeApproved,
    RoleChangeProposed,
    RoleChangeRejected,
)
from svc_identity.people.authorities.events import AuthorityEnded
from svc_identity.people.factors.events import FactorAdded, FactorRemoved
from svc_identity.people.families import service as families
from svc_identity.people.families.events import FamilyAccountAccepted, FamilyAccountEnded, FamilyAccountExpiring
from svc_identity.people.families.models import FamilyNotice
from svc_identity.people.identity_claims import service as identity_claims
from svc_identity.people.identity_claims.events import IdentityClaimClosed, IdentityClaimDecided, IdentityClaimOpened
from svc_identity.people.persons.events import (
    PersonClosed,
    PersonPhoneChanged,
    PersonProofed,
    PersonProofingRevoked,
    PersonRegistered,
    PersonRenamed,
    PersonVerificationEnded,
)
from svc_identity.people.proofing import service as proofing
from svc_identity.people.suspensions.events import PersonResumed, PersonSuspended
from svc_identity.privacy.closures.consumers import HANDLERS as PAYMENT_HANDLERS
from svc_identity.privacy.closures.service import close_due
from svc_identity.privacy.corrections.worker import measure_late
from svc_identity.privacy.data_reads.consumers import HANDLERS as DATA_READ_HANDLERS
from svc_identity.retention import RETENTION
from svc_identity.settings import WorkerSettings
from svc_identity.sign_in import continuity
from svc_identity.sign_in import service as sign_in
from svc_identity.sign_in.number_claims import service as number_claims
from svc_identity.sign_in.own_factors.worker import FactorNotifier
from svc_identity.sign_in.phone_changes import schedule as phone_changes
from svc_identity.sign_in.phone_changes.worker import PhoneNotifier
from svc_identity.sign_in.phone_changes.worker import prune as prune_phone_changes
from svc_identity.trail import TRAIL
from svc_identity.vault.encryption import use_keys_of
from svc_identity.verifications.worker import end_what_is_over

_PRUNE_SECONDS = 300.0
_CLOSE_SECONDS = 15.0
_NOTIFY_SECONDS = 2.0
_END_SECONDS = 1.0


async def prune_what_expired(database: Database) -> None:
    async with database.transaction() as tx:
        await oauth.prune(tx)
        await sign_in.prune(tx)
        await continuity.prune(tx)
        await prune_phone_changes(tx)
        await number_claims.prune(tx)
        await role_changes.expire(tx)
        await identity_claims.expire(tx)
        await proofing.forget_numbers(tx)
        await mandates.expire(tx)
        await reminders.remind(tx)
        await families.expire(tx)
        await family_orders.expire(tx)
    async with database.transaction() as tx:
        await role_changes.end_expired(tx)
    async with database.transaction() as tx:
        await terms.remind(tx)
        await families.remind(tx)


def make_schedules(settings: WorkerSettings, database: Database) -> Sequence[Every]:
    anchoring = Anchoring(TRAIL, settings.anchors, settings.anchor_key)
    issuer = Issuer.of(settings)
    notifier = Notifier(database, issuer, only_public=settings.provider_endpoints == "public")
    return [
        Every(_NOTIFY_SECONDS, notifier.notify_due),
        Every(NOTE_SECONDS, partial(note_signing_key, database, issuer.signer)),
        Every(_END_SECONDS, partial(end_sign_ins_of_removed_factors, database)),
        Every(_NOTIFY_SECONDS, FactorNotifier(database, settings).notify_due),
        Every(_NOTIFY_SECONDS, PhoneNotifier(database, settings).notify_due),
        Every(_NOTIFY_SECONDS, FactorNotifier(database, settings, FamilyNotice).notify_due),
        Every(_NOTIFY_SECONDS, FactorNotifier(database, settings, IdentityNotice).notify_due),
        Every(_CLOSE_SECONDS, partial(close_due, database)),
        Every(_CLOSE_SECONDS, partial(phone_changes.complete_due, database, settings)),
        Every(_PRUNE_SECONDS, partial(phone_changes.remind_due, database, settings)),
        Every(_NOTIFY_SECONDS, partial(end_what_is_over, database)),
        Every(_PRUNE_SECONDS, partial(prune_what_expired, database)),
        Every(_PRUNE_SECONDS, partial(rotate_indexes, database)),
        Every(_PRUNE_SECONDS, partial(measure_late, database)),
        Every(EVERY_SECONDS, partial(carry_out, database, RETENTION)),
        Every(PAUSE_SECONDS, partial(anchoring.anchor_when_due, database)),
    ]


def make_worker(settings: WorkerSettings) -> Worker:
    use_keys_of(settings)
    return Worker(
        settings,
        publishes=[
            *(PersonRegistered, PersonProofed, PersonRenamed, PersonProofingRevoked, PersonClosed),
            *(PersonPhoneChanged, PersonVerificationEnded),
            *(FactorAdded, FactorRemoved),
            *(IdentityClaimOpened, IdentityClaimDecided, IdentityClaimClosed),
            *(PersonSuspended, PersonResumed, SignInEnded),
            *(OrganisationRegistered, OrganisationClaimed, RepresentationEnded, ProviderLinked),
            *(MandateAccepted, MandateEnded, MandateExpiring, AuthorityEnded),
            *(FamilyAccountAccepted, FamilyAccountExpiring, FamilyAccountEnded),
            *(ClientRegistered, ClientKeyUnknown, ClientSuspended, ClientResumed),
            *(FactorResetProposed, FactorResetApproved, FactorResetRejected),
            *(RoleChangeProposed, RoleChangeApproved, RoleChangeRejected, MembershipExpiring),
        ],
        handles=[*HANDLERS, *DATA_READ_HANDLERS, *PAYMENT_HANDLERS],
        schedules=partial(make_schedules, settings),
    )


if __name__ == "__main__":
    run_worker(make_worker(load(WorkerSettings)), sys.argv[1:])
