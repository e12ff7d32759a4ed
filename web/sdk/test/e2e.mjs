// The newcomer's way through a running server in development mode, with the built SDK:
//   GATEWAY_URL=http://127.0.0.1:8080 node web/sdk/test/e2e.mjs
// The code comes from the development inbox instead of a mailbox.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

import {
  createGateway,
  getMe,
  memoryStorage,
  register,
  sendRegistrationCode,
} from '../dist/web/sdk/src/index.js'
import { baseUrl, codeFor, step } from './steps.mjs'

const email = `e2e-${randomBytes(6).toString('hex')}@example.test`
const password = `${randomBytes(12).toString('hex')} horse`
const storage = memoryStorage()
let signedOut = 0
const gateway = createGateway({ baseUrl, storage, onSignedOut: () => signedOut++ })
const { client } = gateway

await step('send-code', async () => {
  await sendRegistrationCode({ client, body: { email }, throwOnError: true })
})

const verificationCode = await step('inbox', () => codeFor(email))

await step('register', async () => {
  const { data, response } = await register({
    client,
    body: { username: 'End To End', email, password, verificationCode },
    throwOnError: true,
  })
  assert.equal(response.status, 201)
  assert.equal(data.user.email, email)
})

await step('login', async () => {
  const { error } = await gateway.signIn({ email, password })
  assert.equal(error, undefined)
})

await step('me', async () => {
  const { data } = await getMe({ client, throwOnError: true })
  assert.equal(data.user.username, 'End To End')
  assert.match(data.user._id, /^[0-9a-f]{24}$/)
})

await step('refresh', async () => {
  const before = storage.load()
  storage.save({ ...before, renewAt: 0, expiresAt: 0 })
  await gateway.accessToken()
  assert.notEqual(storage.load().refreshToken, before.refreshToken)
})

await step('me', async () => {
  const { data } = await getMe({ client, throwOnError: true })
  assert.equal(data.user.email, email)
})

await step('logout', async () => {
  const held = storage.load()
  await gateway.signOut()

  // The session is over on the server too: its tokens put back are refused, and that is final.
  storage.save(held)
  const { error } = await getMe({ client })
  assert.equal(error.code, 'TOKEN_INVALID')
  assert.equal(signedOut, 1)
  assert.equal(storage.load(), undefined)
})
