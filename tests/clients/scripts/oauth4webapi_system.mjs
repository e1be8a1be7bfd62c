// A company's system with oauth4webapi: private_key_jwt and introspection.
import * as oauth from 'oauth4webapi'
import { check, finish, step, told } from './conversation.mjs'

const plain = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(told.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain))
step('discovery')
const client = { client_id: told.system }
const { key: jwk, algorithm, kid } = told.signing
const usage = { ES256: { name: 'ECDSA', namedCurve: 'P-256' }, PS256: { name: 'RSA-PSS', hash: 'SHA-256' }, Ed25519: 'Ed25519' }
const key = await crypto.subtle.importKey('jwk', jwk, usage[algorithm], false, ['sign'])
const proof = oauth.PrivateKeyJwt({ key, kid })
const asked = await oauth.clientCredentialsGrantRequest(as, client, proof, { scope: 'bills:write' }, plain)
const tokens = await oauth.processClientCredentialsResponse(as, client, asked)
check(tokens.scope === 'bills:write', `the scope ${tokens.scope}`)
step('client_credentials')
const seen = await oauth.introspectionRequest(as, client, proof, tokens.access_token, plain)
check((await oauth.processIntrospectionResponse(as, client, seen)).active, 'the token is not active')
step('introspection')
finish()
