// A company's system with oauth4webapi: private_key_jwt and introspection.
import * as oauth from 'oauth4webapi'
import { check, finish, signingKey, step, told } from './conversation.mjs'

const plain = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(told.issuer)
const as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, plain))
step('discovery')
const client = { client_id: told.system }
const proof = oauth.PrivateKeyJwt(await signingKey())
const asked = await oauth.clientCredentialsGrantRequest(as, client, proof, { scope: 'bills:write' }, plain)
const tokens = await oauth.processClientCredentialsResponse(as, client, asked)
check(tokens.scope === 'bills:write', `the scope ${tokens.scope}`)
step('client_credentials')
const seen = await oauth.introspectionRequest(as, client, proof, tokens.access_token, plain)
check((await oauth.processIntrospectionResponse(as, client, seen)).active, 'the token is not active')
step('introspection')
finish()
