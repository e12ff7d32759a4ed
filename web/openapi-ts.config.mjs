// Turns the document into gen/typescript; run by `make generate`.
import { defineConfig } from '@hey-api/openapi-ts'

export default defineConfig({
  input: '../gen/openapi.yaml',
  // With the extension in the imports, the built files run in node and in browsers unbundled.
  output: { path: '../gen/typescript', importFileExtension: '.js' },
  plugins: ['@hey-api/client-fetch', '@hey-api/typescript', '@hey-api/sdk'],
  logs: { file: false },
})
