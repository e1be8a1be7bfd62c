"""The service of people and organisations: signing in, tokens, identity proofing, attestations, staff."""

from fastapi import APIRouter, FastAPI

from chassis.service import create_service_app
from chassis.settings import load
from kit.dpop import prove_possession
from kit.metrics import metrics
from kit.strict_requests import strict
from svc_identity.http_client import outside_systems
from svc_identity.oauth.app_access.endpoints import router as app_access
from svc_identity.oauth.devices.endpoints import of_devices
from svc_identity.oauth.devices.endpoints import router as device_requests
from svc_identity.oauth.endpoints import of_clients, well_known
from svc_identity.oauth.endpoints import router as oauth
from svc_identity.oauth.issuer import Issuer
from svc_identity.oauth.login_codes.endpoints import router as login_codes
from svc_identity.oauth.openid_tickets.endpoints import router as openid_tickets
from svc_identity.oauth.order_tickets.endpoints import router as order_tickets
from svc_identity.oauth.sign_ins.endpoints import router as sign_ins
from svc_identity.oauth.sign_ins.service import end_all
from svc_identity.oauth.signing_keys.service import signing_keys_noted
from svc_identity.oauth.standing import admit
from svc_identity.oauth.suspensions.endpoints import router as suspensions
from svc_identity.organisations.claim_decisions.endpoints import router as claim_decisions
from svc_identity.organisations.companies.endpoints import router as companies
from svc_identity.organisations.endpoints import router as organisations
from svc_identity.organisations.enrolment.endpoints import router as enrolment
from svc_identity.organisations.family_orders.endpoints import router as family_orders
from svc_identity.organisations.mandates.endpoints import router as mandates
from svc_identity.organisations.representation.endpoints import router as representation
from svc_identity.organisations.role_changes.endpoints import router as role_changes
from svc_identity.people.agreements.endpoints import router as agreements
from svc_identity.people.children.endpoints import router as children
from svc_identity.people.families.endpoints import router as families
from svc_identity.people.identity_claims.endpoints import router as identity_claims
from svc_identity.people.passwords.hashing import Hashing
from svc_identity.people.persons.endpoints import router as persons
from svc_identity.people.proofing.endpoints import router as proofing
from svc_identity.privacy.attestations.endpoints import router as attestations
from svc_identity.privacy.closures.endpoints import router as closures
from svc_identity.privacy.consents.endpoints import router as consents
from svc_identity.privacy.corrections.endpoints import at_counters as corrections_at_counters
from svc_identity.privacy.corrections.endpoints import router as corrections
from svc_identity.privacy.data_reads.endpoints import router as data_reads
from svc_identity.privacy.exports.endpoints import router as exports
from svc_identity.settings import Settings
from svc_identity.sign_in.agreement_pages import router as agreement_pages
from svc_identity.sign_in.certificates.endpoints import router as certificates
from svc_identity.sign_in.device_pages import router as device_pages
from svc_identity.sign_in.endpoints import router as sign_in
from svc_identity.sign_in.holder_pages import router as holder_pages
from svc_identity.sign_in.number_claims.endpoints import router as number_claims
from svc_identity.sign_in.own_factors.endpoints import router as own_factors
from svc_identity.sign_in.own_password.endpoints import router as own_password
from svc_identity.sign_in.page_route import answer_with_pages
from svc_identity.sign_in.passkey_sign_ins.endpoints import router as passkey_sign_ins
from svc_identity.sign_in.password_step.endpoints import router as password_step
from svc_identity.sign_in.phone_changes.endpoints import router as phone_changes
from svc_identity.sign_in.phone_changes.pages import router as phone_pages
from svc_identity.sign_in.second_step.endpoints import router as second_step
from svc_identity.sign_in.sign_out import router as sign_out
from svc_identity.vault.encryption import use_keys_of
from svc_identity.vault.needed_keys import needed_keys
from svc_identity.verifications.endpoints import router as verifications

# RFC 6749 has clients send parameters that we do not know, and us ignore them.
_OF_OAUTH = (oauth, of_clients, well_known)


def create_app(settings: Settings | None = None) -> FastAPI:
    settings = settings or load(Settings)
    use_keys_of(settings)
    routers = [
        *(
            metrics,
            APIRouter(lifespan=outside_systems),
            APIRouter(lifespan=needed_keys),
            APIRouter(lifespan=signing_keys_noted),
            sign_in,
            passkey_sign_ins,
            second_step,
            sign_out,
        ),
        persons,
        *(of_devices, device_requests, device_pages, login_codes, openid_tickets, order_tickets),
        *(proofing, attestations, identity_claims, organisations, companies, role_changes, claim_decisions),
        *(corrections, corrections_at_counters),
        *(agreements, agreement_pages, consents, app_access, data_reads, exports, closures, suspensions, sign_ins),
        *(enrolment, own_factors, holder_pages, representation, mandates, families, children, family_orders),
        *(phone_changes, number_claims, phone_pages, own_password, password_step, verifications, certificates),
    ]
    title = "My Ili identity"
    app = create_service_app(settings, [strict(*routers), *_OF_OAUTH], title=title, version="1.2.0", admission=admit)
    prove_possession(app)
    answer_with_pages(app)
    app.state.issuer, app.state.hashing = Issuer.of(settings), Hashing(settings)
    app.state.end_sign_ins = end_all
    return app
