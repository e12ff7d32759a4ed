// Looks at a page of the administration console as people do who see it in one way or another: wide or on a phone,
// light or dark, or with a screen reader.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { stage } from './stage.mjs'
import { workspace } from './workspace.mjs'

const axe = readFileSync(workspace.resolve('axe-core/axe.min.js'), 'utf8')

const wide = { width: 1280, height: 900 }
const phone = { width: 390, height: 844 }

/** What was found on all pages. */
export const faults = []

/** How often was looked, for the log. */
export const looked = { views: 0, milliseconds: 0 }

/** Finds what keeps people out of a page, and keeps a picture of it, in both sizes and both colours. */
export async function look(page, name) {
  await lookIn(page, name, true, [
    [phone, 'dark'],
    [phone, 'light'],
    [wide, 'light'],
    [wide, 'dark'],
  ])
}

/** The same of what is over a page that was looked at: once in each size and in each colour, and no further than one sees. */
export async function glance(page, name) {
  await lookIn(page, name, false, [
    [phone, 'dark'],
    [wide, 'light'],
  ])
}

async function lookIn(page, name, fullPage, views) {
  const began = Date.now()

  for (const [viewport, colorScheme] of views) {
    const view = `${name}-${viewport === phone ? 'phone' : 'desktop'}-${colorScheme}`
    await page.setViewportSize(viewport)
    await page.emulateMedia({ colorScheme })

    const { scroll, inner } = await page.evaluate(async () => {
      await new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))
      await Promise.all(document.getAnimations().map((one) => one.finished.catch(() => {})))

      return { scroll: document.documentElement.scrollWidth, inner: window.innerWidth }
    })
    if (scroll > inner) {
      faults.push(`${view} is ${scroll} wide in a window of ${inner}`)
    }

    faults.push(...(await findings(page)).map((fault) => `${view}: ${fault}`))
    await page.screenshot({ path: join(stage.pictures, `${view}.png`), fullPage })
    looked.views++
  }

  looked.milliseconds += Date.now() - began
}

/** What axe calls serious or worse (WCAG 2.2 A and AA, and its own advice). */
async function findings(page) {
  if (!(await page.evaluate(() => 'axe' in window))) {
    await page.evaluate(axe) // from outside of the page, so that its policy stays as it is
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
