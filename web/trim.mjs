// Takes out of gen/typescript what no operation needs, because each app downloads it: the reader of server-sent events is a
// tenth of the SDK. Run by `make generate`.
import { readFile, writeFile } from 'node:fs/promises'

const folder = process.argv[2]
const file = `${folder}/core/serverSentEvents.gen.ts`
const start = 'export function createSseClient'

const source = await readFile(file, 'utf8')
const operations = await readFile(`${folder}/sdk.gen.ts`, 'utf8')

if (operations.includes('.sse.')) {
  throw new Error('an operation returns a stream of events: take web/trim.mjs out of the Makefile')
}
if (source.split(start).length !== 2) {
  throw new Error(`${file} has another form than web/trim.mjs expects`)
}

await writeFile(
  file,
  `${source.slice(0, source.indexOf(start))}${start}<TData = unknown>(
  _options: ServerSentEventsOptions,
): ServerSentEventsResult<TData> {
  throw new Error('no operation returns a stream of events');
}
`,
)
