/** Resources other than JSON: a picture, and a sound that supports range requests. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const picture = `<svg xmlns="http://www.w3.org/2000/svg" width="3" height="2"><rect width="3" height="2" fill="teal"/></svg>`;
/** 8000 bytes a second, after a header of 44. */
const rate = 8_000;
/** So long that no engine has it whole before it seeks. */
const seconds = 2_000;
let sound: Buffer | undefined;

/** Answers for `/picture` and `/sound`. `false`: it is something else that is asked for. */
export function answerMedia({ url, headers }: IncomingMessage, response: ServerResponse): boolean {
  if (url?.startsWith('/picture')) {
    response.writeHead(200, { 'content-type': 'image/svg+xml' }).end(picture);
    return true;
  }
  if (!url?.startsWith('/sound')) return false;
  sound ??= tone();
  const type = { 'content-type': 'audio/wav', 'accept-ranges': 'bytes' };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(headers.range ?? '') ?? [];
  if (from === undefined) {
    response.writeHead(200, { ...type, 'content-length': sound.length }).end(sound);
    return true;
  }
  const start = Number(from);
  const end = to === '' ? sound.length - 1 : Number(to);
  const range = {
    'content-range': `bytes ${start}-${end}/${sound.length}`,
    'content-length': end - start + 1,
  };
  response.writeHead(206, { ...type, ...range }).end(sound.subarray(start, end + 1));
  return true;
}

/** 400 Hz, softly. */
function tone(): Buffer {
  const size = rate * seconds;
  const header = Buffer.alloc(44);
  header.write('RIFF');
  header.writeUInt32LE(36 + size, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36);
  header.writeUInt32LE(size, 40);
  const wave = Uint8Array.from({ length: 20 }, (_, index) => 128 + 10 * Math.sin((index * Math.PI) / 10));
  return Buffer.concat([header, Buffer.alloc(size, wave)]);
}
