// A company's system with openid-client 6: private_key_jwt and DPoP.
import * as client from 'openid-client'
import { check, finish, signingKey, step, told } from './conversation.mjs'

const plain = { execute: [client.allowInsecureRequests] }
const proof = client.PrivateKeyJwt(await signingKey())
const config = await client.discovery(new URL(told.issuer), told.system, undefined, proof, plain)
step('discovery')
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
const bearer = await client.clientCredentialsGrant(config)
check(bearer.token_type === 'bearer', `a token of type ${bearer.token_type}`)
const bound = await client.clientCredentialsGrant(config, { scope: 'bills:write' }, { DPoP })
check(bound.token_type === 'dpop' && bound.scope === 'bills:write', 'another token than the one asked for')
step('client_credentials')
const seen = await client.tokenIntrospection(config, bound.access_token)
check(seen.active && seen.cnf.jkt === (await DPoP.calculateThumbprint()), 'the token is not active, or not bound')
const unknown = await client.tokenIntrospection(config, 'unknown')
check(!unknown.active, 'an unknown token is active')
step('introspection')
finish()
