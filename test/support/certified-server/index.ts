/** A certified authorization server, an API that it protects, and a user who logs in. For the tests and for the demo. */
export { type Authority, authority, type Certificate, selfSigned } from './certificates.ts';
export { authenticated } from './client-authentication.ts';
export type { ClientName } from './configuration.ts';
export type { Counters } from './counters.ts';
export type { Hiccup } from './hiccups.ts';
export { browse, browser, browseTo, enterDeviceCode, type Login, logIn, type WireTokens } from './log-in.ts';
export { type Loopback, listen } from './loopback.ts';
export { type ApiCounters, type ProtectedApi, startProtectedApi } from './protected-api.ts';
export { type CertifiedServer, type CertifiedServerOptions, startCertifiedServer } from './server.ts';
