/**
 * A form that is encoded once, so that a second send has the same bytes and the same boundary.
 *
 * @module
 */

import { ConfigurationError } from '../errors.ts';
import { explain } from '../explain.ts';
import { callNative } from '../platform-class.ts';

/**
 * Checks whether a form and all of its files are objects of the platform. Those of another implementation would become the text
 * `[object File]`. Only the transport that they were made for can read them.
 */
export function isEncodable(form: FormData): boolean {
  if (typeof callNative('FormData', 'has', form) !== 'boolean') return false;
  for (const [, value] of form) {
    if (typeof value !== 'string' && typeof callNative('Blob', 'size', value) !== 'number') return false;
  }
  return true;
}

/**
 * Encodes a form as `fetch` would, into a `Blob` that can be sent any number of times and brings its own Content-Type.
 * Files become part of it by reference: nothing is read and nothing is copied.
 *
 * @param boundary lower case, because a Blob lowers its type; and random, so that no file holds it by chance or by plan.
 * @throws ConfigurationError if `boundary` would not arrive in the Content-Type as it is.
 * @see HTML Standard, "multipart/form-data encoding algorithm"; RFC 7578 §4
 */
export function encodeFormData(form: FormData, boundary: string): Blob {
  if (!/^[\da-z_-]{1,70}$/.test(boundary)) {
    throw new ConfigurationError(
      explain('multipart-boundary', 'A boundary is 1 to 70 lower-case letters, digits, - or _.'),
    );
  }
  const parts: BlobPart[] = [];
  for (const [name, value] of form) {
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${escapeQuotes(toCrlf(name))}"`;
    if (typeof value === 'string') {
      parts.push(`${head}\r\n\r\n${toCrlf(value)}\r\n`);
    } else {
      const type = value.type || 'application/octet-stream';
      // Needed even for an empty file name: without the parameter the file would arrive as a string.
      parts.push(
        `${head}; filename="${escapeQuotes(value.name)}"\r\nContent-Type: ${type}\r\n\r\n`,
        value,
        '\r\n',
      );
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return new Blob(parts, { type: `multipart/form-data; boundary=${boundary}` });
}

function toCrlf(text: string): string {
  return text.replace(/\r\n?|\n/g, '\r\n');
}

/** Escapes quotes and line ends only. As in every browser, a backslash and a percent sign are not escaped. */
function escapeQuotes(text: string): string {
  return text.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22');
}
