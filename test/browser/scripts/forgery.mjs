// Forged requests for every operation, from pages and windows of other sites.
import assert from 'node:assert/strict'

import { backstage, eventually, stage } from './stage.mjs'

const running = new Set()
let documents = 0 // that were asked for, by windows and frames

/** Follows the requests of a context, for quiet and asking. */
export function watch(context) {
  context.on('request', (request) => {
    running.add(request)
    documents += request.isNavigationRequest() && request.redirectedFrom() === null ? 1 : 0
  })
  context.on('requestfinished', (request) => running.delete(request))
  context.on('requestfailed', (request) => running.delete(request))
}

/** Waits until no request has been running for a moment. What is later still is seen after the next step. */
export async function quiet() {
  for (let calm = 0, tries = 0; calm < 3 && tries < 200; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 15))
    calm = running.size === 0 ? calm + 1 : 0
  }
  running.clear()
}

/** Does something that asks for so many documents, and waits until all have been asked for and answered. */
async function asking(count, act) {
  const wanted = documents + count
  await act()
  await eventually(`${count} windows and frames`, () => documents >= wanted)
  await quiet()
}

/**
 * Tries every way to every target, from pages of the origin: some at once, which is quicker, and then a new page, because
 * a page's sockets wait the longer the more of them have failed.
 */
export async function forgeEverything(context, origin, targets, inWindows = () => true) {
  for (const some of chunks(targets, 8)) {
    const page = await context.newPage()
    await page.goto(`${origin}/stranger.html`)

    const read = await page.evaluate(async (list) => (await Promise.all(list.map(forge))).flat(), some)
    await quiet()

    const opened = some.filter(inWindows)
    await closing(context, () => asking(opened.length, () => page.evaluate((list) => list.forEach(openWindow), opened)))
    read.push(...(await page.evaluate(() => look())))
    assert.deepEqual(read, [], `${origin} could read answers`)
    await backstage('/settled', { after: `${some.map(({ id }) => id)} from ${origin}` })
    await page.close()
  }
}

/** A stranger opens or embeds a page of the console's origin, and then sends that window elsewhere. */
export async function steerTheConsole(context) {
  const page = await context.newPage()
  await page.goto(`${stage.evil}/stranger.html`)

  for (const some of chunks(reading(), 4)) {
    await closing(context, async () => {
      await asking(2 * some.length, () => page.evaluate(([list, from]) => show(from, list), [some, ours]))
      await asking(2 * some.length, () => page.evaluate(() => steer()))
    })
    assert.deepEqual(await page.evaluate(() => look()), [])
    await backstage('/settled', { after: `${some.map(({ id }) => id)} in windows of the console` })
  }

  await page.close()
}

/** The console links to a stranger, who sends the browser on to the gateway. The Referer is the console's then. */
export async function redirectItsLinks(context) {
  const page = await context.newPage()
  await page.goto(ours)

  // To begin at Lark is what links are for, and those who follow one see where they are.
  const guarded = reading().filter(({ id }) => id !== 'authorizeLark')
  const follow = ([list, by]) => list.forEach(({ url }) => window.open(by + encodeURIComponent(url)))

  for (const some of chunks(guarded, 4)) {
    const links = [some, `${stage.evil}/redirect?to=`]
    await closing(context, () => asking(some.length, () => page.evaluate(follow, links)))
    await backstage('/settled', { after: `${some.map(({ id }) => id)} by a redirect of the console's link` })
  }

  await page.close()
}

const ours = `${new URL(stage.console).origin}/stranger.html` // which asks for nothing by itself

const reading = () => stage.targets.filter(({ method }) => method === 'GET')

function chunks(list, size) {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, i) => list.slice(i * size, (i + 1) * size))
}

/** Closes the windows that something opened. */
async function closing(context, open) {
  const before = new Set(context.pages())
  await open()
  for (const page of context.pages()) {
    if (!before.has(page)) {
      await page.close()
    }
  }
}
