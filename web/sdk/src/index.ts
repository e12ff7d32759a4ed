export { createConsole, type ConsoleClient, type ConsoleOptions } from './console.js'
export { createGateway, type Abortable, type Gateway, type GatewayOptions } from './gateway.js'
export { TimeoutError } from './limit.js'
export { UnexpectedResponseError } from './response.js'
export { SignedOutError } from './session.js'
export { memoryStorage, type StoredTokens, type TokenStorage } from './storage.js'

export * from '../../../gen/typescript/index.js'
