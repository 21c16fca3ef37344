/** Requests as documents print them, to be compared with what was sent. The order of parameters means nothing. */
import type { Sent } from './wire.ts';

export interface Printed {
  readonly method: string | undefined;
  readonly url: string;
  readonly contentType: string | undefined;
  readonly authorization: string | undefined;
  /** The parameters of a form, or the members of an object. */
  readonly body: readonly string[] | Readonly<Record<string, unknown>>;
}

const parameters = (body: string): Printed['body'] =>
  body.startsWith('{') ? JSON.parse(body) : body.split('&').sort();

/** A request as a document prints it. */
export function asPrinted(text: string): Printed {
  const [head = '', body = ''] = text.trim().split(/\n\s*\n/);
  const [, method, target] = /^(\S+) (\S+) HTTP\/1\.1$/m.exec(head) ?? [];
  const header = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(head)?.[1];
  return {
    method,
    url: `https://${header('Host')}${target}`,
    contentType: header('Content-Type'),
    authorization: header('Authorization')?.replace(/^basic/, 'Basic'),
    body: parameters(body.replaceAll('\n', '')),
  };
}

export function asSent(sent: Sent | undefined): Printed {
  return {
    method: sent?.method,
    url: sent?.url ?? '',
    contentType: sent?.headers.get('content-type')?.replace(/;\s*charset=utf-8$/i, ''),
    authorization: sent?.headers.get('authorization') ?? undefined,
    body: parameters(sent?.body ?? ''),
  };
}
