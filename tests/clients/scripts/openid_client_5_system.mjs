// A company's system with openid-client 5: private_key_jwt and DPoP.
import { generateKeyPairSync } from 'node:crypto'
import { Issuer } from 'openid-client-5'
import { check, finish, step, told } from './conversation.mjs'

const issuer = await Issuer.discover(told.issuer)
step('discovery')
const { key, algorithm, kid } = told.signing
const metadata = { client_id: told.system, token_endpoint_auth_method: 'private_key_jwt', token_endpoint_auth_signing_alg: algorithm }
const client = new issuer.Client(metadata, { keys: [{ ...key, kid, alg: algorithm }] })
const DPoP = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const bearer = await client.grant({ grant_type: 'client_credentials' })
check(bearer.token_type === 'Bearer', `a token of type ${bearer.token_type}`)
const bound = await client.grant({ grant_type: 'client_credentials', scope: 'bills:write' }, { DPoP })
check(bound.token_type === 'DPoP' && bound.scope === 'bills:write', 'another token than the one asked for')
step('client_credentials')
const seen = await client.introspect(bound.access_token)
check(seen.active && seen.cnf.jkt, 'the token is not active, or not bound')
check(!(await client.introspect('unknown')).active, 'an unknown token is active')
step('introspection')
finish()
