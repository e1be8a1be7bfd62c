// What the test tells a client, and what the client tells the test: one JSON value in each line.
import { createInterface } from 'node:readline'

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

const receive = async () => JSON.parse((await lines.next()).value)

export const told = await receive()

const usage = { ES256: { name: 'ECDSA', namedCurve: 'P-256' }, PS256: { name: 'RSA-PSS', hash: 'SHA-256' }, Ed25519: 'Ed25519' }

/** The key by which a client proves itself. */
export const signingKey = async () => {
  const { key, algorithm, kid } = told.signing
  return { key: await crypto.subtle.importKey('jwk', key, usage[algorithm], false, ['sign']), kid }
}

const done = []

/** Note a step that the client has accepted. */
export const step = (name) => done.push(name)

/** Let the resident sign in at this address; gives the address to which the browser was sent back. */
export const signIn = async (address) => {
  console.log(JSON.stringify({ authorize: String(address) }))
  return new URL(await receive())
}

export const finish = (more = {}) => {
  console.log(JSON.stringify({ done, ...more }))
  process.exit(0)
}

export const check = (condition, sentence) => {
  if (!condition) throw new Error(sentence)
}
