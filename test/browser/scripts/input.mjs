// What the Go test passes to its scripts, and what they request from it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

import { workspace } from './workspace.mjs'

const { Secret, TOTP } = workspace('otpauth')

/** The hosts, the accounts and the requests to try, as JSON from standard input. */
export const input = JSON.parse(readFileSync(0, 'utf8'))

/** Requests something that only the Go test can see or do. */
export async function askTest(path, parameters = {}) {
  const response = await fetch(`${input.testServer}${path}?${new URLSearchParams(parameters)}`, {
    headers: { Accept: 'application/json' },
  })
  assert.equal(response.status, 200, `${path}: ${response.status}`)

  return response.json()
}

/** Waits for the newest code to an address or a phone: a worker sends it after the response. */
export async function codeFor(to, not) {
  return (await mailTo(to, ({ code }) => code !== '' && code !== not)).code
}

export async function mailTo(to, fits = () => true) {
  return eventually(`a message to ${to}`, async () => {
    const messages = await askTest('/inbox')

    return messages.find((message) => message.to === to && fits(message))
  })
}

/** Waits until a function returns a value, at most half a minute. */
export async function eventually(what, find) {
  for (const deadline = Date.now() + 30_000; ;) {
    const found = await find()
    if (found) {
      return found
    }

    assert.ok(Date.now() < deadline, `waited too long for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Returns the code of an authenticator app, some steps after a time, from oathtool or, if that is not installed, a library. */
export function authenticator(otpauth, seconds, step) {
  const secret = new URL(otpauth).searchParams.get('secret')
  const at = Math.floor(seconds) + 30 * step

  try {
    return execFileSync('oathtool', ['--totp', '--base32', `--now=@${at}`, '-'], {
      input: secret,
      encoding: 'utf8',
    }).trim()
  } catch (failure) {
    if (failure.code !== 'ENOENT') {
      throw failure
    }
  }

  return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: at * 1000 })
}

/** Runs the parts of a script one after the other and reports which one failed. */
export async function runParts(parts, finish) {
  try {
    for (const [name, run] of Object.entries(parts)) {
      const began = Date.now()
      try {
        await run()
      } catch (failure) {
        console.error(`not ok ${name}\n${failure.stack}`)
        process.exitCode = 1
        return
      }
      console.log(`ok ${name} (${Date.now() - began} ms)`)
    }
  } finally {
    await finish()
  }
}
