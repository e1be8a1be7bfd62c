// A screen without a keyboard with openid-client 6: the device authorization grant with DPoP.
import * as client from 'openid-client'
import { check, finish, signIn, step, told } from './conversation.mjs'

const plain = { execute: [client.allowInsecureRequests] }
const config = await client.discovery(new URL(told.issuer), told.screen, undefined, client.None(), plain)
step('discovery')
const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair())
const codes = await client.initiateDeviceAuthorization(config, { scope: 'openid' })
step('codes')
await signIn(codes.verification_uri_complete)
const tokens = await client.pollDeviceAuthorizationGrant(config, { ...codes, interval: 1 }, undefined, { DPoP })
check(tokens.token_type === 'dpop' && tokens.claims().sub, 'the token is not bound, or without an ID token')
step('tokens')
await client.fetchUserInfo(config, tokens.access_token, tokens.claims().sub, { DPoP })
step('userinfo')
finish()
