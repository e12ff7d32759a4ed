// What the tests of the session share.
import assert from 'node:assert/strict'

import { createGateway, memoryStorage } from '../dist/web/sdk/src/index.js'
import { startFake } from './fake.mjs'

export const refreshCall = 'POST /api/auth/refresh'
export const meCall = 'GET /api/users/me'
export const logoutCall = 'POST /api/auth/logout'
export const credentials = { email: 'user@example.test', password: 'right' }

/** A gateway that is signed in to a fake. `signedOut` counts the calls of its callback, `failures` are the storage's. */
export async function setup(t, { expiresIn, storage = memoryStorage(), ...options } = {}) {
  const fake = await startFake(t, { expiresIn })
  const env = { fake, storage, signedOut: 0, failures: [] }
  env.gateway = createGateway({
    baseUrl: `${fake.url}/`,
    storage,
    onSignedOut: () => env.signedOut++,
    onStorageError: (failure) => env.failures.push(failure),
    ...options,
  })
  const { error } = await env.gateway.signIn(credentials)
  assert.equal(error, undefined)
  return env
}

/** Makes the kept tokens due, as if their time had passed. */
export function age(storage, { expired = false } = {}) {
  const held = storage.load()
  storage.save({ ...held, renewAt: 0, expiresAt: expired ? 0 : held.expiresAt })
}

/** Lets everything continue that waits for nothing from outside. */
export async function turn() {
  for (let i = 0; i < 20; i++) {
    await new Promise((next) => setImmediate(next))
  }
}

/** Waits until it holds. */
export async function until(holds) {
  for (let i = 0; i < 1_000_000 && !holds(); i++) {
    await new Promise((next) => setImmediate(next))
  }
  assert.ok(holds())
}
