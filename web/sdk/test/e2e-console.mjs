// The browser console's way through a running server in development mode, with the built SDK:
//   GATEWAY_URL=http://127.0.0.1:8080 node web/sdk/test/e2e-console.mjs
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'

import {
  changePassword,
  changeUser,
  createConsole,
  getOptions,
  getUser,
  listUserSessions,
  register,
  resetPassword,
  sendRegistrationCode,
  sendResetCode,
  signIn,
  signOut,
  verify,
} from '../dist/web/sdk/src/index.js'
import { cookieJar } from './jar.mjs'
import { baseUrl, codeFor, step } from './steps.mjs'

const email = `e2e-${randomBytes(6).toString('hex')}@example.test`
let password = `${randomBytes(12).toString('hex')} horse`

/** A browser of its own. */
function browser() {
  const jar = cookieJar()
  const seen = { jar, signedOut: 0 }
  seen.gateway = createConsole({
    baseUrl,
    onSignedOut: () => seen.signedOut++,
    fetch: jar.fetch,
    xsrfToken: () => jar.get('XSRF-TOKEN'),
  })
  seen.client = seen.gateway.client

  return seen
}

const one = browser()
const { client } = one
let code

await step('register on the other surface', async () => {
  await sendRegistrationCode({ client, body: { email }, throwOnError: true })
  code = await codeFor(email)
  const body = { username: 'Console', email, password, verificationCode: code }
  await register({ client, body, throwOnError: true })
})

await step('a wrong password does not sign out', async () => {
  const { error } = await signIn({ client, body: { email, password: 'not this one' } })
  assert.equal(error.code, 'INVALID_CREDENTIALS')
  assert.equal(one.signedOut, 0)
})

await step('login, verify, user', async () => {
  await signIn({ client, body: { email, password }, throwOnError: true })
  await verify({ client, throwOnError: true })
  const { data } = await getUser({ client, throwOnError: true })
  assert.equal(data.name, 'Console')
  assert.equal(data.history.metadata.source, 'password')
})

await step('two tabs renew at once', async () => {
  const before = one.jar.get('__Host-TOKEN')
  const renewed = await Promise.all([one.gateway.renew(), one.gateway.renew()])
  assert.deepEqual(renewed, [true, true])
  assert.notEqual(one.jar.get('__Host-TOKEN'), before)
})

await step('profile, in both spellings', async () => {
  await changeUser({ client, body: { key: 'Name', name: 'First' }, throwOnError: true })
  await changeUser({ client, body: { key: 'name', name: 'Second' }, throwOnError: true })
  const { data } = await getUser({ client, throwOnError: true })
  assert.equal(data.name, 'Second')
})

await step('options', async () => {
  const { data } = await getOptions({ client, query: { type: 'generate-secret' }, throwOnError: true })
  assert.equal(data.key.length, 16)
})

const other = browser()

await step('a new password ends the other browser', async () => {
  await signIn({ client: other.client, body: { email, password }, throwOnError: true })
  const { data } = await listUserSessions({ client, throwOnError: true })
  assert.equal(data.sessions.length, 2)

  const fresh = `${randomBytes(12).toString('hex')} staple`
  await changePassword({ client, body: { old: password, password: fresh }, throwOnError: true })
  password = fresh

  await verify({ client, throwOnError: true })
  const { error } = await verify({ client: other.client })
  assert.equal(error.code, 'TOKEN_INVALID')
  assert.equal(other.signedOut, 1)
})

await step('logout', async () => {
  await signOut({ client, throwOnError: true })
  const { error } = await getUser({ client })
  assert.equal(error.code, 'UNAUTHENTICATED')
  assert.equal(await one.gateway.renew(), false)
})

await step('a forgotten password', async () => {
  await sendResetCode({ client, query: { email }, throwOnError: true })
  password = `${randomBytes(12).toString('hex')} battery`
  const body = { email, code: await codeFor(email, code), password }
  await resetPassword({ client, body, throwOnError: true })
  await signIn({ client, body: { email, password }, throwOnError: true })
})
