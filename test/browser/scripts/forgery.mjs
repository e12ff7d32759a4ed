// Forged requests for every operation, from pages and windows of other sites.
import assert from 'node:assert/strict'

import { askTest, eventually, input } from './input.mjs'

const running = new Set()
let documents = 0 // requested by windows and frames

/** Counts the requests of a context, for quiet and requesting. */
export function watch(context) {
  context.on('request', (request) => {
    running.add(request)
    documents += request.isNavigationRequest() && request.redirectedFrom() === null ? 1 : 0
  })
  context.on('requestfinished', (request) => running.delete(request))
  context.on('requestfailed', (request) => running.delete(request))
}

/** Waits until no request has been running for a moment. A later one is noticed after the next step. */
export async function quiet() {
  for (let calm = 0, tries = 0; calm < 3 && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 15))
    calm = running.size === 0 ? calm + 1 : 0
  }
  running.clear()
}

/** Runs a function that requests this many documents, and waits until all have been requested and received. */
async function requesting(count, run) {
  const wanted = documents + count
  await run()
  await eventually(`${count} windows and frames`, () => documents >= wanted)
  await quiet()
}

/**
 * Sends every kind of request to every target, from pages of the origin: several at once, which is faster, and then from a
 * new page, because a page's sockets wait longer the more of them have failed.
 */
export async function forgeEverything(context, origin, targets, inWindows = () => true) {
  for (const some of chunks(targets, 8)) {
    const page = await context.newPage()
    await page.goto(`${origin}/attacker.html`)

    const read = await page.evaluate(async (list) => (await Promise.all(list.map(forge))).flat(), some)
    await quiet()

    const opened = some.filter(inWindows)
    await closing(context, () => requesting(opened.length, () => page.evaluate((list) => list.forEach(openWindow), opened)))
    read.push(...(await page.evaluate(() => look())))
    assert.deepEqual(read, [], `${origin} could read responses`)
    await askTest('/settled', { after: `${some.map(({ id }) => id)} from ${origin}` })
    await page.close()
  }
}

/** An attacker opens or embeds a page of the console's origin and then navigates that window elsewhere. */
export async function steerTheConsole(context) {
  const page = await context.newPage()
  await page.goto(`${input.attackerSite}/attacker.html`)

  for (const some of chunks(reading(), 4)) {
    await closing(context, async () => {
      await requesting(2 * some.length, () => page.evaluate(([list, from]) => show(from, list), [some, ours]))
      await requesting(2 * some.length, () => page.evaluate(() => steer()))
    })
    assert.deepEqual(await page.evaluate(() => look()), [])
    await askTest('/settled', { after: `${some.map(({ id }) => id)} in windows of the console` })
  }

  await page.close()
}

/** The console links to the attacker's site, which redirects to the gateway. The Referer is then the console's. */
export async function redirectItsLinks(context) {
  const page = await context.newPage()
  await page.goto(ours)

  // Links may lead to Lark: a user who follows one sees where they are.
  const guarded = reading().filter(({ id }) => id !== 'authorizeLark')
  const follow = ([list, by]) => list.forEach(({ url }) => window.open(by + encodeURIComponent(url)))

  for (const some of chunks(guarded, 4)) {
    const links = [some, `${input.attackerSite}/redirect?to=`]
    await closing(context, () => requesting(some.length, () => page.evaluate(follow, links)))
    await askTest('/settled', { after: `${some.map(({ id }) => id)} by a redirect of the console's link` })
  }

  await page.close()
}

const ours = `${new URL(input.console).origin}/attacker.html` // a page that sends no request by itself

const reading = () => input.targets.filter(({ method }) => method === 'GET')

function chunks(list, size) {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}

/** Closes the windows that a function has opened. */
async function closing(context, open) {
  const before = new Set(context.pages())
  await open()
  for (const page of context.pages()) {
    if (!before.has(page)) {
      await page.close()
    }
  }
}
