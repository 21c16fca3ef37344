/** Certificates that openssl makes: an authority, servers that it vouches for, clients that it does and does not. */
import { execFileSync } from 'node:child_process';
import type { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  /** PEM. */
  readonly key: string;
}

export interface Authority extends Certificate {
  issue(subject: string): Certificate;
}

/** A certificate that nobody vouches for. */
export function selfSigned(subject: string): Certificate {
  return inFolder((folder) => make(folder, subject));
}

export function authority(): Authority {
  const own = selfSigned('/CN=authority');
  return {
    ...own,
    issue: (subject) =>
      inFolder((folder) => {
        const files = { '-CA': own.cert, '-CAkey': own.key };
        const signing = Object.entries(files).flatMap(([option, pem]) => [option, put(folder, option, pem)]);
        return make(folder, subject, signing);
      }),
  };
}

function make(folder: string, subject: string, signing: readonly string[] = []): Certificate {
  const [cert, key] = [join(folder, 'made.crt'), join(folder, 'made.key')];
  const keys = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc', '-keyout', key];
  const content = ['-subj', subject, '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '1'];
  execFileSync('openssl', ['req', '-x509', ...keys, ...content, ...signing, '-out', cert], { stdio: 'pipe' });
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

function put(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

function inFolder<T>(use: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-certificates-'));
  try {
    return use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The claim of a token that is bound to a certificate (RFC 8705 §3.1). */
export function thumbprint(certificate: X509Certificate): string {
  return Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString('base64url');
}

/** The certificate that came with a request. */
export function certificateOf({ socket }: IncomingMessage): X509Certificate | undefined {
  return 'getPeerX509Certificate' in socket ? (socket as TLSSocket).getPeerX509Certificate() : undefined;
}
