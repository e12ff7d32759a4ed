// A tab with the console, and what a user does in it.
import assert from 'node:assert/strict'
import { join } from 'node:path'

import { input } from './input.mjs'

/** The errors of scripts in the pages. */
export const failures = []

/** Opens the console and waits until its first requests are done. */
export async function tab(where) {
  const opened = await where.newPage()
  opened.on('pageerror', (failure) => failures.push(`${failure}`))
  await opened.goto(input.console)
  await opened.evaluate(() => window.ready)

  return opened
}

/** Fills in a form and sends it as a user does. It returns the status. */
export async function send(where, call, fields = {}) {
  await where.bringToFront()
  const form = where.locator(`form[data-call="${call}"]`)
  for (const [name, value] of Object.entries(fields)) {
    const field = form.locator(`[name=${name}]`)
    await (name === 'key' ? field.selectOption(value) : field.fill(value))
  }

  const responded = form.evaluate(
    (element) =>
      new Promise((resolve) => element.addEventListener('responded', (e) => resolve(e.detail), { once: true })),
  )
  await form.locator('button').click()

  return responded
}

export async function signIn(where, call, fields) {
  assert.equal(await send(where, call, fields), 204)
  assert.ok(await where.isVisible('#signed-in'), 'the page still shows the sign-in form')
}

/** Records the responses to the tabs of a context, in order. */
export function watch(where) {
  const list = []
  where.on('response', (response) => {
    const { origin, pathname } = new URL(response.url())
    if (origin === input.gateway && !pathname.startsWith('/small/')) {
      list.push(`${response.request().method()} ${pathname} ${response.status()}`)
    }
  })

  return list
}

/** Stores a screenshot of the page. */
export async function picture(where, name) {
  await where.screenshot({ path: join(input.pictures, `${name}.png`), fullPage: true })
}
