// A tab with the console, and what a person does in it.
import assert from 'node:assert/strict'
import { join } from 'node:path'

import { stage } from './stage.mjs'

/** What went wrong in scripts of the pages. */
export const failures = []

/** Opens the console, and waits until it has asked what it asks first. */
export async function tab(where) {
  const opened = await where.newPage()
  opened.on('pageerror', (failure) => failures.push(`${failure}`))
  await opened.goto(stage.console)
  await opened.evaluate(() => window.ready)

  return opened
}

/** Fills in a form and sends it, as a person does; answers the status. */
export async function send(where, call, fields = {}) {
  await where.bringToFront()
  const form = where.locator(`form[data-call="${call}"]`)
  for (const [name, value] of Object.entries(fields)) {
    const field = form.locator(`[name=${name}]`)
    await (name === 'key' ? field.selectOption(value) : field.fill(value))
  }

  const answered = form.evaluate(
    (element) =>
      new Promise((resolve) => element.addEventListener('answered', (e) => resolve(e.detail), { once: true })),
  )
  await form.locator('button').click()

  return answered
}

export async function signIn(where, call, fields) {
  assert.equal(await send(where, call, fields), 204)
  assert.ok(await where.isVisible('#signed-in'), 'signed in, and the page asks again')
}

/** Everything that the gateway answered to the tabs of a context, in order. */
export function watch(where) {
  const list = []
  where.on('response', (response) => {
    const { origin, pathname } = new URL(response.url())
    if (origin === stage.gateway && !pathname.startsWith('/small/')) {
      list.push(`${response.request().method()} ${pathname} ${response.status()}`)
    }
  })

  return list
}

/** Keeps a picture of the page. */
export async function picture(where, name) {
  await where.screenshot({ path: join(stage.pictures, `${name}.png`), fullPage: true })
}
