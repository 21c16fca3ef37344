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
} from './connect-token-manager.ts';
export {
  type ServedTokenManager,
  type ServeTokenManagerOptions,
  serveTokenManager,
} from './serve-token-manager.ts';
export type { SignedIn, WorkerLogin } from './sign-in.ts';
export type { TokenWorker } from './token-worker.ts';
