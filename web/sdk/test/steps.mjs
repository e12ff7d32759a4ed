// What the scripts against a running server share.
import assert from 'node:assert/strict'

export const baseUrl = process.env.GATEWAY_URL
assert.ok(baseUrl, 'GATEWAY_URL must name a running server in development mode')

/** Waits for the newest code to an address: it is sent by a worker, after the answer. */
export async function codeFor(address, seen = undefined) {
  const deadline = Date.now() + 20_000

  for (;;) {
    const answer = await fetch(`${baseUrl.replace(/\/+$/, '')}/dev/inbox`, {
      headers: { Accept: 'application/json' },
    })
    assert.equal(answer.status, 200, '/dev/inbox is there in development mode only')

    const message = (await answer.json()).find(({ to, code }) => to === address && code && code !== seen)
    if (message !== undefined) {
      return message.code
    }

    assert.ok(Date.now() < deadline, `no code for ${address} in the inbox`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export async function step(name, run) {
  try {
    const result = await run()
    console.log(`ok ${name}`)
    return result
  } catch (failure) {
    console.error(`not ok ${name}`)
    console.error(failure)
    process.exit(1)
  }
}
