// What the Go test tells its scripts, and what they ask of it.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

import { workspace } from './workspace.mjs'

const { Secret, TOTP } = workspace('otpauth')

/** The hosts, the accounts and what is to be tried, as JSON on standard input. */
export const stage = JSON.parse(readFileSync(0, 'utf8'))

/** Asks the Go test for something that only it can see or do. */
export async function backstage(path, parameters = {}) {
  const answer = await fetch(`${stage.backstage}${path}?${new URLSearchParams(parameters)}`, {
    headers: { Accept: 'application/json' },
  })
  assert.equal(answer.status, 200, `${path}: ${answer.status}`)

  return answer.json()
}

/** Waits for the newest code to an address or a phone: a worker sends it, after the answer. */
export async function codeFor(to, not) {
  return (await mailTo(to, ({ code }) => code !== '' && code !== not)).code
}

export async function mailTo(to, fits = () => true) {
  return eventually(`a message to ${to}`, async () => {
    const messages = await backstage('/inbox')

    return messages.find((message) => message.to === to && fits(message))
  })
}

/** Waits until there is an answer, half a minute at the most. */
export async function eventually(what, look) {
  for (const deadline = Date.now() + 30_000; ;) {
    const found = await look()
    if (found) {
      return found
    }

    assert.ok(Date.now() < deadline, `waited too long for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** What an authenticator app shows so many steps after a time: oathtool says it, or a library where that is not installed. */
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

/** Runs the parts of a script one after the other, and says which failed. */
export async function act(parts, finish) {
  try {
    for (const [name, play] of Object.entries(parts)) {
      const began = Date.now()
      try {
        await play()
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
