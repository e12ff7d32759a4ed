// Loads npm packages of the web workspace, which is another folder: web/package.json pins them.
import { createRequire } from 'node:module'

export const workspace = createRequire(new URL('../../../web/package.json', import.meta.url))
