// Checks that a page of the administration console is accessible: on a desktop and on a phone, light and dark, and with
// the rules of axe for screen readers.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { input } from './input.mjs'
import { workspace } from './workspace.mjs'

const axe = readFileSync(workspace.resolve('axe-core/axe.min.js'), 'utf8')

const wide = { width: 1280, height: 900 }
const phone = { width: 390, height: 844 }

/** The faults found on all pages. */
export const faults = []

/** The number of views checked and the time they took, for the log. */
export const views = { count: 0, milliseconds: 0 }

/** Checks a page and stores screenshots of it, in both sizes and both color schemes. */
export async function checkPage(page, name) {
  await checkIn(page, name, true, [
    [phone, 'dark'],
    [phone, 'light'],
    [wide, 'light'],
    [wide, 'dark'],
  ])
}

/** Checks what is over a page that was checked already: once per size and color scheme, the visible part only. */
export async function checkOverlay(page, name) {
  await checkIn(page, name, false, [
    [phone, 'dark'],
    [wide, 'light'],
  ])
}

async function checkIn(page, name, fullPage, variants) {
  const began = Date.now()

  for (const [viewport, colorScheme] of variants) {
    const view = `${name}-${viewport === phone ? 'phone' : 'desktop'}-${colorScheme}`
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme })

    const { scroll, inner } = await page.evaluate(async () => {
      await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))
      // All but those that have no end: a button turns while its change waits for what is over the page.
      const ending = document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
      await Promise.all(ending.map((one) => one.finished.catch(() => {})))

      return { scroll: document.documentElement.scrollWidth, inner: window.innerWidth }
    })
    if (scroll > inner) {
      faults.push(`${view} is ${scroll} wide in a window of ${inner}`)
    }

    faults.push(...(await findings(page)).map((fault) => `${view}: ${fault}`))
    await page.screenshot({ path: join(input.pictures, `${view}.png`), fullPage })
    views.count++
  }

  views.milliseconds += Date.now() - began
}

/** Returns what axe rates as serious or critical (WCAG 2.2 A and AA, and its own advice). */
async function findings(page) {
  if (!(await page.evaluate(() => 'axe' in window))) {
    await page.evaluate(axe) // evaluated from outside the page, so that its policy stays unchanged
  }

  return page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })

    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(
        ({ id, nodes }) =>
          `${id}: ${nodes.map(({ html, any }) => `${html.slice(0, 200)} ${any[0]?.message ?? ''}`).join('; ')}`,
      )
  })
}
