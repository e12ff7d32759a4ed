// Builds the console into dist/, where the Go package beside this file embeds it from: index.html as it is, and the
// rest packed, as the server sends it.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { constants, gzipSync } from 'node:zlib'

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

const at = (path) => fileURLToPath(new URL(path, import.meta.url))

const packed = {
  name: 'packed',
  apply: 'build', // the development server leaves what was built alone
  enforce: 'post',
  buildStart() {
    // Not the whole folder: what keeps it in git stays.
    rmSync(at('dist/assets'), { recursive: true, force: true })
  },
  closeBundle() {
    for (const name of readdirSync(at('dist/assets'))) {
      const file = at(`dist/assets/${name}`)
      writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: constants.Z_BEST_COMPRESSION }))
      rmSync(file)
    }
  },
}

export default defineConfig({
  root: at('.'),
  base: '/console/',
  // The SDK's sources, so that nothing has to be built before.
  resolve: { alias: { '@konec/toolkit-gateway': at('../sdk/src/index.ts') } },
  plugins: [react(), packed],
  build: {
    outDir: 'dist',
    emptyOutDir: false,
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // a file is asked for once
    reportCompressedSize: false,
    license: { fileName: 'assets/licenses.md' }, // those of the libraries ask to be passed on
    chunkSizeWarningLimit: 1500,
  },
  // For work on the console alone: `npx vite` here, beside a `make run`.
  server: {
    proxy: Object.fromEntries(
      ['/api', '/login', '/logout', '/verify', '/user', '/refresh_code', '/refresh_token', '/options', '^/$'].map(
        (path) => [path, 'http://localhost:8080'],
      ),
    ),
  },
})
