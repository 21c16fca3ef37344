/**
 * Names that examples may use without declaring them: the reader's own application has them. Everything else,
 * tokenkeep included, an example imports. The README's blocks are run with this module loaded before them, so the
 * network below is the one that they see.
 */

declare global {
  /** The answer of the token endpoint to a login, as it came over the wire. */
  var loginResponse: { access_token: string; token_type: string; expires_in: number; refresh_token: string };
  /** Sends the user to sign in. */
  var showLogin: () => void;
}

let issued = 0;
const grant = () => {
  issued += 1;
  return {
    access_token: `access-${issued}`,
    token_type: 'Bearer',
    expires_in: 3600,
    refresh_token: `refresh-${issued}`,
  };
};

globalThis.loginResponse = grant();
globalThis.showLogin = () => undefined;

/** Token endpoints grant, revocation endpoints agree, metadata describes `https://auth.example.com`, all else is `{}`. */
globalThis.fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
  if (url.pathname.includes('/.well-known/')) {
    return Response.json({
      issuer: url.origin,
      authorization_endpoint: `${url.origin}/authorize`,
      token_endpoint: `${url.origin}/token`,
      revocation_endpoint: `${url.origin}/revoke`,
    });
  }
  if (method === 'POST' && url.pathname.endsWith('/token')) return Response.json(grant());
  if (method === 'POST' && url.pathname.endsWith('/revoke')) return new Response(null, { status: 200 });
  return Response.json({});
};

export {};
