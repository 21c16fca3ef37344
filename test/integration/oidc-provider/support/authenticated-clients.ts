/** Clients with every authentication that a certified server takes over TLS: real secrets, keys and certificates. */
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import type { ClientAuthentication } from 'tokenkeep';
import { clientSecretJwt, privateKeyJwt } from 'tokenkeep/client-assertion';
import { clientSecretBasic, clientSecretPost, tlsClientAuth } from 'tokenkeep/client-authentication';
import { Agent, getGlobalDispatcher, setGlobalDispatcher } from 'undici';
import { authority, type Certificate, selfSigned } from '../../../support/certified-server/index.ts';

export const trusted = authority();
/** Certificate of the server. */
export const tls = { ...trusted.issue('/CN=server'), ca: trusted.cert };
export const certificates = {
  mine: trusted.issue('/CN=my backend'),
  other: trusted.issue('/CN=another backend'),
  self: selfSigned('/CN=my own'),
  otherSelf: selfSigned('/CN=my own'),
};
const secret = 'a secret: 100%/+&=~ of thirty-two bytes';
const keys = {
  ec: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ed: generateKeyPairSync('ed25519'),
  other: generateKeyPairSync('ec', { namedCurve: 'P-256' }),
};
const pem = (key: KeyObject) => key.export({ format: 'pem', type: 'pkcs8' }) as string;
const jwk = (key: KeyObject, more: object) => ({ ...key.export({ format: 'jwk' }), use: 'sig', ...more });
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256' };
const imported = (key: KeyObject) =>
  crypto.subtle.importKey('pkcs8', key.export({ format: 'der', type: 'pkcs8' }), ecdsa, false, ['sign']);

/** A client with its credentials, and with wrong ones. */
export interface AuthenticatedClient {
  readonly name: string;
  readonly metadata: object;
  readonly right: ClientAuthentication;
  readonly wrong: ClientAuthentication;
  readonly certificate?: Certificate;
  readonly wrongCertificate?: Certificate;
}

const keySet = {
  keys: [
    jwk(keys.ec.publicKey, { kid: 'ec', alg: 'ES256' }),
    jwk(keys.rsa.publicKey, { kid: 'rsa', alg: 'PS256' }),
    jwk(keys.ed.publicKey, { kid: 'ed', alg: 'EdDSA' }),
  ],
};
const byKey = { token_endpoint_auth_method: 'private_key_jwt', jwks: keySet };
const byTls = { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=my backend' };
const bySelf = {
  token_endpoint_auth_method: 'self_signed_tls_client_auth',
  jwks: { keys: [withCertificate(certificates.self)] },
};
export const bound = { tls_client_certificate_bound_access_tokens: true };
const bySecret = (method: string) => ({ token_endpoint_auth_method: method, client_secret: secret });
const wrongKey = privateKeyJwt({ key: pem(keys.other.privateKey), kid: 'ec' });

export const clients: readonly AuthenticatedClient[] = [
  {
    name: 'client_secret_basic',
    metadata: bySecret('client_secret_basic'),
    right: clientSecretBasic(secret),
    wrong: clientSecretBasic('wrong'),
  },
  {
    name: 'client_secret_basic with client_id in the body',
    metadata: bySecret('client_secret_basic'),
    right: clientSecretBasic(secret, { clientIdInBody: true }),
    wrong: clientSecretBasic(`${secret}!`, { clientIdInBody: true }),
  },
  {
    name: 'client_secret_post',
    metadata: bySecret('client_secret_post'),
    right: clientSecretPost(secret),
    wrong: clientSecretPost('wrong'),
  },
  {
    name: 'client_secret_jwt',
    metadata: bySecret('client_secret_jwt'),
    right: clientSecretJwt(secret),
    wrong: clientSecretJwt(`${secret}!`),
  },
  {
    name: 'private_key_jwt by a CryptoKey',
    metadata: byKey,
    right: privateKeyJwt({ key: await imported(keys.ec.privateKey), kid: 'ec' }),
    wrong: privateKeyJwt({ key: await imported(keys.other.privateKey), kid: 'ec' }),
  },
  {
    name: 'private_key_jwt by a PEM, ES256, for the token endpoint',
    metadata: byKey,
    right: privateKeyJwt(
      { key: pem(keys.ec.privateKey), kid: 'ec' },
      { audience: ({ tokenEndpoint }) => tokenEndpoint },
    ),
    wrong: privateKeyJwt({ key: pem(keys.ec.privateKey), kid: 'ec' }, { audience: 'https://else.test' }),
  },
  {
    name: 'private_key_jwt by a PEM, PS256',
    metadata: byKey,
    right: privateKeyJwt({ key: pem(keys.rsa.privateKey), kid: 'rsa', algorithm: 'PS256' }),
    wrong: wrongKey,
  },
  {
    name: 'private_key_jwt by a PEM, EdDSA',
    metadata: byKey,
    right: privateKeyJwt({ key: pem(keys.ed.privateKey), kid: 'ed', algorithm: 'EdDSA' }),
    wrong: wrongKey,
  },
  {
    name: 'tls_client_auth',
    metadata: { ...byTls, ...bound },
    right: tlsClientAuth(),
    wrong: tlsClientAuth(),
    certificate: certificates.mine,
    wrongCertificate: certificates.other,
  },
  {
    name: 'self_signed_tls_client_auth',
    metadata: { ...bySelf, ...bound },
    right: tlsClientAuth(),
    wrong: tlsClientAuth(),
    certificate: certificates.self,
    wrongCertificate: certificates.otherSelf,
  },
];

function withCertificate({ cert }: Certificate): object {
  const { publicKey, raw } = new X509Certificate(cert);
  return jwk(publicKey, { x5c: [raw.toString('base64')] });
}

const agents: Agent[] = [];

/** Returns an agent, and closes it with the others. */
export function agentWith(options: object): Agent {
  const agent = new Agent({ connect: options });
  agents.push(agent);
  return agent;
}

/** Returns the `fetch` of Node with a dispatcher that presents a certificate. */
export function presenting(certificate: Certificate | undefined): typeof fetch {
  const dispatcher = agentWith({ ...certificate, ca: trusted.cert });
  return (input, init) => fetch(input, { ...init, dispatcher } as RequestInit);
}

const platform = getGlobalDispatcher();

/** Lets the requests of the user and of the API trust the server. */
export function trustServer(): void {
  setGlobalDispatcher(new Agent({ connect: { ca: trusted.cert } }));
}

/** Closes all agents. */
export async function closeAgents(): Promise<void> {
  await Promise.all([getGlobalDispatcher().close(), ...agents.map((agent) => agent.close())]);
  setGlobalDispatcher(platform);
}
