/**
 * A request of a page as plain data.
 *
 * @module
 */
import type { BridgeRequest } from '../bridge/bridge-messages.ts';

export interface PackedRequest {
  readonly request: BridgeRequest;
  readonly signal: AbortSignal;
  /** The body, if it is sent as a stream. */
  readonly upload: ReadableStream<Uint8Array> | undefined;
}

/** Default values, which are not sent. */
const defaultOptions: Readonly<Record<string, string>> = {
  cache: 'default',
  credentials: 'same-origin',
  integrity: '',
  referrer: 'about:client',
  referrerPolicy: '',
};

/** Returns whether a body is a stream, of any realm or polyfill. */
function isStream(body: unknown): body is ReadableStream<Uint8Array> {
  return typeof (body as Partial<ReadableStream> | null | undefined)?.getReader === 'function';
}

/** @throws TypeError for arguments that `fetch` rejects. */
export async function packRequest(input: string | URL | Request, init?: RequestInit): Promise<PackedRequest> {
  const { body: source } = init ?? {};
  const stream = isStream(source) ? source : undefined;
  // The stream does not go into a `Request`, because some engines would convert it to a text.
  const given = new Request(input, stream === undefined ? init : { ...init, body: null });
  const { url, method, redirect, signal } = given;
  const requestOptions = Object.fromEntries(
    Object.keys(defaultOptions).flatMap((name) => {
      const value = given[name as keyof Request];
      return typeof value === 'string' && value !== defaultOptions[name] ? [[name, value]] : [];
    }),
  );
  const upload = stream !== undefined && supportsStreamedUploads() ? stream : undefined;
  const buffered = upload === undefined ? await bufferBody(given, stream) : undefined;
  const body = upload === undefined ? buffered : 'streamed';
  const request: BridgeRequest = { url, method, headers: [...given.headers], body, redirect, requestOptions };
  return { request, signal, upload };
}

/** Reads the body as a `Blob`, which crosses without a copy, even if it is large. */
async function bufferBody(given: Request, stream: ReadableStream | undefined): Promise<Blob | undefined> {
  if (stream !== undefined) return await new Response(stream).blob();
  // Firefox has no `body`, so `null` alone proves nothing.
  if (given.method === 'GET' || given.method === 'HEAD' || given.body === null) return undefined;
  const blob = await given.blob();
  return blob.size === 0 ? undefined : blob;
}

/** Returns whether the engine streams request bodies. An engine that does not never reads `duplex`, and converts the stream to a text. */
function supportsStreamedUploads(): boolean {
  let isAsked = false;
  const probe = {
    method: 'POST',
    body: new ReadableStream(),
    get duplex() {
      isAsked = true;
      return 'half';
    },
  };
  return !new Request('https://probe.invalid/', probe as RequestInit).headers.has('content-type') && isAsked;
}
