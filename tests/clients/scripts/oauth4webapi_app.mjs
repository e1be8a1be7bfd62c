// An app of residents with oauth4webapi: PAR, PKCE and DPoP, sent again where a nonce is asked for; with
// private_key_jwt where it has keys.
import * as oauth from 'oauth4webapi'
import { check, finish, signIn, signingKey, step, told } from './conversation.mjs'

const plain = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(told.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain))
const rfc8414 = await oauth.discoveryRequest(issuer, { ...plain, algorithm: 'oauth2' })
check((await oauth.processDiscoveryResponse(issuer, rfc8414)).token_endpoint === as.token_endpoint, 'two documents')
step('discovery')
const client = { client_id: told.app }
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair(told.algorithm))
const options = { ...plain, DPoP }

/** A request and its processing, once more where the server asks for a nonce. */
const withNonce = async (attempt) => {
  try {
    return await attempt()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return attempt()
  }
}

const verifier = oauth.generateRandomCodeVerifier()
const state = oauth.generateRandomState()
const nonce = oauth.generateRandomNonce()
const wanted = {
  redirect_uri: told.redirectUri,
  response_type: 'code',
  scope: told.scope,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
}
const proof = told.signing ? oauth.PrivateKeyJwt(await signingKey()) : oauth.None()
const pushed = await withNonce(async () =>
  oauth.processPushedAuthorizationResponse(as, client, await oauth.pushedAuthorizationRequest(as, client, proof, wanted, options)),
)
step('par')
const address = new URL(as.authorization_endpoint)
address.search = new URLSearchParams({ client_id: told.app, request_uri: pushed.request_uri })
const returned = oauth.validateAuthResponse(as, client, await signIn(address), state)
const tokens = await withNonce(async () =>
  oauth.processAuthorizationCodeResponse(
    as,
    client,
    await oauth.authorizationCodeGrantRequest(as, client, proof, returned, told.redirectUri, verifier, options),
    { expectedNonce: nonce, requireIdToken: true },
  ),
)
check(tokens.token_type === 'dpop', `a token of type ${tokens.token_type}`)
const { sub } = oauth.getValidatedIdTokenClaims(tokens)
step('code')
await withNonce(async () =>
  oauth.processUserInfoResponse(as, client, sub, await oauth.userInfoRequest(as, client, tokens.access_token, options)),
)
step('userinfo')
const renewed = await withNonce(async () =>
  oauth.processRefreshTokenResponse(
    as,
    client,
    await oauth.refreshTokenGrantRequest(as, client, proof, tokens.refresh_token, options),
  ),
)
step('refresh')
const me = await withNonce(() =>
  oauth.protectedResourceRequest(renewed.access_token, 'GET', new URL(told.resource), undefined, null, options),
)
check(me.status === 200, `${told.resource} answered ${me.status}`)
step('resource')
await oauth.processRevocationResponse(await oauth.revocationRequest(as, client, proof, renewed.refresh_token, plain))
step('revocation')
finish()
