/**
 * Failures between a client and a server, as data.
 *
 * @module
 */

import type { ServerResponse } from './http-exchange.ts';
import { json } from './http-exchange.ts';
import type { MemberNames } from './known-members.ts';

/** Members of a JSON response. */
export type JsonMembers = Readonly<Record<string, unknown>>;

/**
 * A failure of one request, or several at once: all members of a fault apply together.
 *
 * `drop`, `hang` and `response` replace the work of the server, unless `commits` is set; the others change its response.
 */
export interface Fault {
  /** The connection ends without a response. */
  readonly drop?: true;
  /** The server never responds. Only the client's signal ends the wait. */
  readonly hang?: true;
  /** The response. */
  readonly response?: Partial<ServerResponse>;
  /**
   * The server does its work before the fault applies: the refresh token is rotated, and the response is lost or replaced.
   *
   * @default false: the server has done nothing
   */
  readonly commits?: boolean;
  /** Delay in ms of the server's clock: before the work, or with `commits` between the work and the response. */
  readonly delay?: number;
  /** Members of the JSON response (`undefined` removes one), or a function that returns its members. */
  readonly members?: JsonMembers | ((members: JsonMembers) => unknown);
  /** Status of the response. */
  readonly status?: number;
  /** Headers of the response; `undefined` removes one. */
  readonly headers?: ServerResponse['headers'];
  /** `true`: the members of the JSON response are encoded as a form, as GitHub does. */
  readonly formEncoded?: true;
  /** Content-Type of the response; `null` removes it. */
  readonly contentType?: string | null;
  /** The connection ends after this many bytes of the body. */
  readonly truncate?: number;
  /** No data follows this many bytes of the body, and the connection stays open. */
  readonly stall?: number;
}

/** Named faults. Each is plain data: `{ ...faults.lostResponse, delay: 500 }` is another one. */
export const faults: {
  /** The connection ends before the server has done anything. */
  readonly lostRequest: Fault;
  /** The server has rotated the refresh token, and the connection ends before the response. */
  readonly lostResponse: Fault;
  /** The server has rotated the refresh token, and never responds. */
  readonly neverResponds: Fault;
  /** A 503 with the body of an OAuth error: it must not be read as one. */
  readonly serverError: Fault;
  /** The server has rotated the refresh token, and a gateway in between times out. */
  readonly gatewayTimeout: Fault;
  /** A 403 in HTML, as firewalls send it. */
  readonly html: Fault;
  /** A 200 in HTML, as a captive portal sends it. */
  readonly captivePortal: Fault;
  /** A success in form encoding, with the matching Content-Type. */
  readonly formEncoded: Fault;
  /** Returns the fault of an OAuth error; with status 200 it is that of GitHub and Slack. */
  oauthError(error: string, status?: number): Fault;
  /** Returns the fault of a 429, or another status, with `Retry-After` in seconds or as a date. */
  rateLimited(retryAfter: number | string, status?: number): Fault;
  /** Returns the fault of a redirect. A client that follows it sends the refresh token elsewhere. */
  redirect(location: string, status?: 301 | 302 | 303 | 307 | 308): Fault;
  /** Returns the fault of a success without some of its members. */
  without(...members: readonly string[]): Fault;
} = {
  lostRequest: { drop: true },
  lostResponse: { drop: true, commits: true },
  neverResponds: { hang: true, commits: true },
  serverError: {
    response: json(503, { error: 'invalid_grant', error_description: 'The database is down.' }),
  },
  gatewayTimeout: { response: html(504, 'Gateway Timeout'), commits: true },
  html: { response: html(403, 'Forbidden') },
  captivePortal: { response: html(200, 'Please sign in to the network') },
  formEncoded: { formEncoded: true, contentType: 'application/x-www-form-urlencoded' },
  oauthError: (error, status = 400) => ({ response: json(status, { error }) }),
  rateLimited: (retryAfter, status = 429) => ({
    response: json(status, { error: 'slow_down' }, { 'retry-after': String(retryAfter) }),
  }),
  redirect: (location, status = 307) => ({ response: { status, headers: { location }, body: '' } }),
  without: (...members) => ({ members: Object.fromEntries(members.map((name) => [name, undefined])) }),
};

/** The members of a fault. */
export const faultMembers: MemberNames<Fault> = {
  drop: true,
  hang: true,
  response: true,
  commits: true,
  delay: true,
  members: true,
  status: true,
  headers: true,
  formEncoded: true,
  contentType: true,
  truncate: true,
  stall: true,
};

/** Applies a fault to a response that it does not replace. */
export function applyFault(response: ServerResponse, fault: Fault): ServerResponse {
  const headers: Record<string, string | undefined> = { ...response.headers, ...fault.headers };
  if (fault.contentType !== undefined) headers['content-type'] = fault.contentType ?? undefined;
  const changes = fault.members !== undefined || fault.formEncoded;
  const body = changes ? changed(response.body, fault) : response.body;
  return { status: fault.status ?? response.status, headers, body };
}

function changed(body: string, { members, formEncoded }: Fault): string {
  const before: JsonMembers = JSON.parse(body);
  const after = typeof members === 'function' ? members(before) : { ...before, ...members };
  if (!formEncoded) return JSON.stringify(after);
  const pairs = Object.entries(after as JsonMembers).filter(
    ([, value]) => value !== undefined && value !== null,
  );
  return new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
}

function html(status: number, text: string): ServerResponse {
  const body = `<!doctype html><title>${text}</title><h1>${text}</h1>`;
  return { status, headers: { 'content-type': 'text/html; charset=utf-8' }, body };
}
