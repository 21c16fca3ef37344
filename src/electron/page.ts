/**
 * The part of `tokenkeep/electron` for preload scripts and pages. Bundlers for browsers resolve it under this name,
 * without the storage, which needs modules of Node.
 *
 * @module
 */
export { connectTokenManager } from './connect-to-main-process.ts';
export { exposeTokenManager } from './expose-token-manager.ts';
