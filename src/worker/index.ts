/**
 * `tokenkeep/worker`: the token manager in a shared, service or dedicated worker, and pages that call the API with tokens
 * that they never hold. Can be imported anywhere.
 *
 * @module
 */
export {
  type ConnectedTokenManager,
  type ConnectTokenManagerOptions,
  connectTokenManager,
} from './connect-to-worker.ts';
export {
  type ServedTokenManager,
  type ServeTokenManagerOptions,
  serveTokenManager,
} from './serve-from-worker.ts';
export type { SignedIn, WorkerLogin } from './worker-login.ts';
export type { TokenWorker } from './worker-port.ts';
