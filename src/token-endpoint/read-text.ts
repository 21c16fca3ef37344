/**
 * Reading an answer without trusting its size.
 *
 * @module
 */

/** Cancels a body that will not be read, which frees its connection. A body of node-fetch is a stream of Node. */
export function discardResponse({ body }: Response): void {
  const stream = body as { cancel?(): Promise<void>; destroy?(): void } | null | undefined;
  if (typeof stream?.cancel === 'function') stream.cancel().catch(() => undefined);
  else stream?.destroy?.();
}

/** What {@link readText} gives for a body above the limit. */
export const tooLarge: unique symbol = Symbol('too large');

/** Reads a body as UTF-8 text of at most 1 MiB. */
export async function readText(
  response: Response,
  limit: number = 1_048_576,
): Promise<string | typeof tooLarge> {
  const { body } = response;
  // A body of node-fetch is a stream of Node, and React Native has none, nor a decoder. There the size is known when it is read.
  if (typeof body?.getReader !== 'function' || globalThis.TextDecoder === undefined) {
    const text = await response.text();
    return text.length > limit ? tooLarge : text;
  }
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > limit) {
      reader.cancel().catch(() => undefined); // whatever becomes of the rest
      return tooLarge;
    }
    text += decoder.decode(value, { stream: true });
  }
}
