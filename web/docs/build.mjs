// Packs the reader of the documentation page for embedding: out of node_modules, into
// api/docs/scalar.js.gz. The server sends the file as it is, with Content-Encoding: gzip.
import { readFile, writeFile } from 'node:fs/promises'
import { constants, gzipSync } from 'node:zlib'

const reader = new URL('node_modules/@scalar/api-reference/dist/browser/standalone.js', import.meta.url)
const target = new URL('../../api/docs/scalar.js.gz', import.meta.url)

const packed = gzipSync(await readFile(reader), { level: constants.Z_BEST_COMPRESSION })
await writeFile(target, packed)
console.log(`api/docs/scalar.js.gz: ${Math.round(packed.length / 1024)} KiB`)
