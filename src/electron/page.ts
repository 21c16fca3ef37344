/**
 * What preload scripts and pages use of `tokenkeep/electron`: what bundlers for browsers find under this name, without the
 * storage, which brings modules of Node.
 *
 * @module
 */
export { connectTokenManager } from './connect-to-main-process.ts';
export { exposeTokenManager } from './expose-token-manager.ts';
