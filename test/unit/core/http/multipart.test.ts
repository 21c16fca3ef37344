import { describe, expect, test, vi } from 'vitest';
import { encodeFormData } from '../../../../src/core/http/multipart.ts';
import { fc } from '../../../support/properties.ts';

const boundary = '----tokenkeep-0123456789abcdef';

function formOf(entries: readonly (readonly [string, string | File])[]): FormData {
  const form = new FormData();
  for (const [name, value] of entries) form.append(name, value as string);
  return form;
}

/** Every character, and more of those that mean something in a multipart body. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\r', '\n', '"', '%', '\\', ';', '=', '-', ' ', 'ü', '漢', '😀', '\u0000', 'a'),
  }),
  fc.constantFrom(
    '',
    '--',
    `--${boundary}`,
    `\r\n--${boundary}--\r\n`,
    'name="x"; filename="y"',
    "it's",
    '../../x',
  ),
);
const content = fc.oneof(text, fc.uint8Array());
const type = fc.constantFrom(
  '',
  'text/plain',
  'image/png',
  'text/plain;charset=utf-8',
  'application/json',
  'x/y; z="a b"',
);
const file = fc
  .tuple(content, text, type)
  .map(([part, name, type]) => new File([part as BlobPart], name, { type }));
const entries = fc.array(fc.tuple(text, fc.oneof(text, file)), { maxLength: 5 });

describe('B67: a form is encoded once and sent twice', () => {
  test('with the same bytes and the same Content-Type', async () => {
    const blob = encodeFormData(
      formOf([
        ['a', '1'],
        ['f', new File(['x'], 'x.txt')],
      ]),
      boundary,
    );
    const [first, second] = [1, 2].map(
      () => new Request('https://a.example', { method: 'POST', body: blob }),
    );
    expect(first?.headers.get('content-type')).toBe(`multipart/form-data; boundary=${boundary}`);
    expect(second?.headers.get('content-type')).toBe(first?.headers.get('content-type'));
    expect(await second?.text()).toBe(await first?.text());
  });

  test('byte for byte as it is written in the standard', async () => {
    const form = formOf([
      ['plain', 'a\nb\rc\r\nd\n\re'],
      ['na"me\n\\%22', ''],
      ['file', new File(['\n'], 'a"b\nc\rd\\ü.txt', { type: 'TEXT/plain' })],
      ['typeless', new File([], '')],
    ]);
    expect(await encodeFormData(form, 'xyz').text()).toBe(
      [
        '--xyz',
        'Content-Disposition: form-data; name="plain"',
        '',
        'a\r\nb\r\nc\r\nd\r\n\r\ne',
        '--xyz',
        'Content-Disposition: form-data; name="na%22me%0D%0A\\%22"',
        '',
        '',
        '--xyz',
        'Content-Disposition: form-data; name="file"; filename="a%22b%0Ac%0Dd\\ü.txt"',
        'Content-Type: text/plain',
        '',
        '\n',
        '--xyz',
        'Content-Disposition: form-data; name="typeless"; filename=""',
        'Content-Type: application/octet-stream',
        '',
        '',
        '--xyz--',
        '',
      ].join('\r\n'),
    );
  });

  test('as fetch would encode it with that boundary', async () => {
    const property = fc.asyncProperty(entries, async (entries) => {
      // undici leaves an empty file name out, and the file arrives as a string. Browsers and the standard do not.
      const form = formOf(entries.filter(([, value]) => typeof value === 'string' || value.name !== ''));
      const native = new Response(form);
      const itsBoundary = native.headers.get('content-type')?.split('boundary=')[1] ?? '';
      const ours = encodeFormData(form, itsBoundary);
      expect(ours.type).toBe(native.headers.get('content-type'));
      expect(Buffer.from(await ours.arrayBuffer())).toEqual(Buffer.from(await native.arrayBuffer()));
    });
    await fc.assert(property, { numRuns: 500 });
  });

  test('and is read back as what it was', async () => {
    const property = fc.asyncProperty(entries, fc.uuid(), async (entries, unguessable) => {
      const form = formOf(entries.filter(isReadable));
      const read = await new Response(encodeFormData(form, unguessable)).formData();
      expect(await contents(read)).toEqual(await contents(form));
    });
    await fc.assert(property, { numRuns: 500 });
  });

  test('with no entries it is still a form', async () => {
    const blob = encodeFormData(new FormData(), boundary);
    expect(await blob.text()).toBe(`--${boundary}--\r\n`);
    expect([...(await new Response(blob).formData())]).toEqual([]);
  });

  test('takes files by reference and never reads them', () => {
    const unreadable = new File(['x'], 'x.txt');
    const read = () => expect.unreachable('the file is read');
    Object.assign(unreadable, { arrayBuffer: read, bytes: read, slice: read, stream: read, text: read });
    const parts: unknown[] = [];
    vi.stubGlobal(
      'Blob',
      class {
        constructor(given: unknown[]) {
          parts.push(...given);
        }
      },
    );
    const form = {
      *[Symbol.iterator]() {
        yield ['a', unreadable];
      },
    };
    encodeFormData(form as never, boundary);
    expect(parts).toContain(unreadable);
  });

  test.each(['', 'ABC', 'a b', 'ü', 'a"b', 'a\r\nb', 'x'.repeat(71)])(
    'refuses the boundary %j',
    (boundary) => {
      expect(() => encodeFormData(new FormData(), boundary)).toThrow(/boundary/);
    },
  );
});

/** `"a%22"` and `'a"'` are the same on the wire; the encoding knows no escape for its escapes. */
function isReadable([name, value]: readonly [string, string | File]): boolean {
  const ambiguous = /%(?:0a|0d|22)/i;
  return !ambiguous.test(name) && (typeof value === 'string' || !ambiguous.test(value.name));
}

/** The content of a form as the encoding has it: new lines in names and texts, but not in file names, are CRLF. */
async function contents(form: FormData): Promise<unknown[]> {
  const crlf = (text: string) => text.replace(/\r\n?|\n/g, '\r\n');
  const entries = [...form].map(async ([name, value]) =>
    typeof value === 'string'
      ? [crlf(name), crlf(value)]
      : [crlf(name), value.name, value.type || 'application/octet-stream', await value.bytes()],
  );
  return await Promise.all(entries);
}
