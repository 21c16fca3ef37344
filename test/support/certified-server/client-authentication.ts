/** Requests to the token and revocation endpoint by hand: how each client proves who it is, without tokenkeep. */
import { randomUUID, sign } from 'node:crypto';
import type { ClientName } from './configuration.ts';
import type { CertifiedServer } from './server.ts';

/** A form, with the client's own authentication (RFC 6749 §2.3.1, RFC 7523 §2.2). */
export function authenticated(
  server: Pick<CertifiedServer, 'clients' | 'issuer'>,
  client: ClientName,
  parameters: Record<string, string>,
): RequestInit {
  const { clients } = server;
  const body = new URLSearchParams(parameters);
  const headers = new Headers();
  if (client === 'basic') {
    const { clientId, clientSecret } = clients.basic;
    headers.set('authorization', `Basic ${btoa(`${formEncoded(clientId)}:${formEncoded(clientSecret)}`)}`);
  } else {
    body.set('client_id', clients[client].clientId);
  }
  if (client === 'post') body.set('client_secret', clients.post.clientSecret);
  if (client === 'key') {
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
    body.set('client_assertion', assertion(server));
  }
  return { method: 'POST', headers, body };
}

const formEncoded = (value: string) => new URLSearchParams({ '': value }).toString().slice(1);

function assertion({ clients, issuer }: Pick<CertifiedServer, 'clients' | 'issuer'>): string {
  const { clientId, privateKey } = clients.key;
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: clientId, sub: clientId, aud: issuer, jti: randomUUID(), iat: now, exp: now + 60 };
  const content = [{ alg: 'ES256' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const signature = sign('sha256', Buffer.from(content), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${content}.${signature.toString('base64url')}`;
}
