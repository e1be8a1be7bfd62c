// An app of residents with openid-client 6: PAR, PKCE and DPoP; with private_key_jwt where it has keys.
import * as client from 'openid-client'
import { check, finish, signIn, signingKey, step, told } from './conversation.mjs'

const plain = { execute: [client.allowInsecureRequests] } // the platform of the test is on loopback, without TLS
const proof = told.signing ? client.PrivateKeyJwt(await signingKey()) : client.None()
const config = await client.discovery(new URL(told.issuer), told.app, undefined, proof, plain)
step('discovery')
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair(told.algorithm))
const verifier = client.randomPKCECodeVerifier()
const state = client.randomState()
const nonce = client.randomNonce()
const address = await client.buildAuthorizationUrlWithPAR(
  config,
  {
    redirect_uri: told.redirectUri,
    scope: told.scope,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  },
  { DPoP },
)
check(address.searchParams.has('request_uri'), 'the request was not pushed')
step('par')
const back = await signIn(address)
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
const tokens = await client.authorizationCodeGrant(config, back, checks, undefined, { DPoP })
check(tokens.token_type === 'dpop', `a token of type ${tokens.token_type}`)
const subject = tokens.claims().sub
step('code')
await client.fetchUserInfo(config, tokens.access_token, subject, { DPoP })
step('userinfo')
const renewed = await client.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
step('refresh')
const resource = new URL(told.resource)
const me = await client.fetchProtectedResource(config, renewed.access_token, resource, 'GET', null, undefined, { DPoP })
check(me.status === 200, `${told.resource} answered ${me.status}`)
step('resource')
await client.tokenRevocation(config, renewed.refresh_token)
try {
  await client.refreshTokenGrant(config, renewed.refresh_token, undefined, { DPoP })
  check(false, 'a revoked token was refreshed')
} catch (error) {
  check(error.error === 'invalid_grant', `a revoked token is ${error.error}`)
}
step('revocation')
const logout = client.buildEndSessionUrl(config, {
  id_token_hint: tokens.id_token,
  post_logout_redirect_uri: told.signedOutUri,
})
check((await fetch(logout)).status === 200, 'the page for signing out is refused')
step('logout')
finish()
