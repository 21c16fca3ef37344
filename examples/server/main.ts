/** `npm run server`: something for the guides to talk to, until it is stopped. */
import { openExampleServer } from './server.ts';

const { server, api } = await openExampleServer({ port: 4000 });
console.log(`
  Authorization server  ${server.issuer}   oidc-provider: rotation, reuse detection, PKCE; everyone is let in as ada
  API                   ${api}  takes access tokens, which live 30 s

  Ctrl+C stops them.
`);
