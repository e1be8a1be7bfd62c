// An app of residents with openid-client 5: PAR, PKCE and DPoP. Its default of ID tokens is RS256, which we do not sign with.
import { generateKeyPairSync } from 'node:crypto'
import { Issuer, generators } from 'openid-client-5'
import { check, finish, signIn, step, told } from './conversation.mjs'

const issuer = await Issuer.discover(told.issuer)
step('discovery')
const client = new issuer.Client({
  client_id: told.app,
  token_endpoint_auth_method: 'none',
  redirect_uris: [told.redirectUri],
  response_types: ['code'],
  id_token_signed_response_alg: 'ES256',
})
const kinds = { ES256: ['ec', { namedCurve: 'P-256' }], PS256: ['rsa', { modulusLength: 2048 }], EdDSA: ['ed25519', {}] }
const DPoP = generateKeyPairSync(...kinds[told.algorithm]).privateKey
const code_verifier = generators.codeVerifier()
const state = generators.state()
const nonce = generators.nonce()
const pushed = await client.pushedAuthorizationRequest({
  redirect_uri: told.redirectUri,
  scope: told.scope,
  code_challenge: generators.codeChallenge(code_verifier),
  code_challenge_method: 'S256',
  state,
  nonce,
})
step('par')
const back = await signIn(client.authorizationUrl({ request_uri: pushed.request_uri, redirect_uri: null, scope: null, response_type: null }))
const returned = client.callbackParams(String(back))
const checks = { code_verifier, state, nonce, response_type: 'code' }
const tokens = await client.callback(told.redirectUri, returned, checks, { DPoP })
check(tokens.token_type === 'DPoP' && tokens.claims().sub, `a token of type ${tokens.token_type}`)
step('code')
await client.userinfo(tokens, { DPoP })
step('userinfo')
const renewed = await client.refresh(tokens, { DPoP })
step('refresh')
const me = await client.requestResource(told.resource, renewed.access_token, { DPoP, tokenType: 'DPoP' })
check(me.statusCode === 200, `${told.resource} answered ${me.statusCode}`)
step('resource')
await client.revoke(renewed.refresh_token)
const refused = await client.refresh(renewed.refresh_token, { DPoP }).catch((error) => error.error)
check(refused === 'invalid_grant', `a revoked token is ${refused}`)
step('revocation')
const logout = client.endSessionUrl({ id_token_hint: tokens.id_token, post_logout_redirect_uri: told.signedOutUri })
check((await fetch(logout)).status === 200, 'the page for signing out is refused')
step('logout')
finish()
