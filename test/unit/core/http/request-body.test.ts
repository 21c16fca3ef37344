import { Readable } from 'node:stream';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { bodyKind, isFormData } from '../../../../src/core/http/request-body.ts';

const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
const elsewhere = (code: string): unknown => runInNewContext(code, { ReadableStream, FormData });

/** A double of the `form-data` package of npm: a stream of the old kind, with the tag of the platform's class. */
const legacyForm = { [Symbol.toStringTag]: 'FormData', pipe() {}, append() {} };

const repeatable: [string, unknown][] = [
  ['a string', 'x'],
  ['an empty string', ''],
  ['URLSearchParams', new URLSearchParams('a=1')],
  ['a Blob', new Blob(['x'])],
  ['a File', new File(['x'], 'x.txt')],
  ['an ArrayBuffer', bytes.buffer],
  ['a SharedArrayBuffer', new SharedArrayBuffer(8)],
  ['a typed array', bytes],
  ['a DataView', new DataView(bytes.buffer, 2)],
  ['a Buffer', Buffer.from('x')],
  ['a form', new FormData()],
  ['an ArrayBuffer of another realm', elsewhere('new ArrayBuffer(8)')],
  ['a typed array of another realm', elsewhere('new Float64Array(2)')],
  ['a number', 42],
  ['a boolean', false],
  ['a plain object, which fetch makes a string of', { a: 1 }],
  ['an array, which fetch makes a string of', ['a', 'b']],
  ['an object without a prototype', Object.create(null)],
];

const oneShot: [string, unknown][] = [
  ['a ReadableStream', new ReadableStream()],
  ['a ReadableStream of a polyfill', { getReader() {} }],
  ['the body of a response', new Response('x').body],
  ['a Readable', Readable.from(['x'])],
  ['an async generator', (async function* () {})()],
  ['an async generator of another realm', elsewhere('(async function* () {})()')],
  ['an object that is iterated asynchronously', { [Symbol.asyncIterator]() {} }],
  ['a function that is iterated asynchronously', Object.assign(() => {}, { [Symbol.asyncIterator]() {} })],
  ['a stream of the old kind', legacyForm],
];

describe('N39, B67: a body is sent twice only if both are the same (emdash-cms/emdash#2556)', () => {
  test.each([null, undefined])('%s is no body', (body) => {
    expect(bodyKind(body)).toBe('none');
  });

  test.each(repeatable)('%s can be sent again', (_, body) => {
    expect(bodyKind(body)).toBe('repeatable');
  });

  test.each(oneShot)('%s is used up by the first send', (_, body) => {
    expect(bodyKind(body)).toBe('one-shot');
  });

  test.each(repeatable.filter(([name]) => !/form|without a prototype/.test(name)))(
    'fetch reads %s again for each send',
    async (_, body) => {
      const send = () =>
        new Request('https://a.example', { method: 'POST', body: body as BodyInit }).arrayBuffer();
      expect(await send()).toEqual(await send());
    },
  );
});

describe('a form', () => {
  test('is recognised by its tag, so also from another realm', () => {
    expect(isFormData(new FormData())).toBe(true);
    expect(isFormData(elsewhere('new FormData()'))).toBe(true);
    expect(
      isFormData(
        elsewhere(
          'new (class FormData { *[Symbol.iterator]() {} get [Symbol.toStringTag]() { return "FormData" } })',
        ),
      ),
    ).toBe(true);
  });

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['its name', '[object FormData]'],
    ['URLSearchParams', new URLSearchParams()],
    ['a Map', new Map()],
    ['the stream of the form-data package', legacyForm],
    ['the same with an iterator', { ...legacyForm, [Symbol.iterator]() {} }],
    ['an object with its tag alone', { [Symbol.toStringTag]: 'FormData' }],
  ])('is not %s', (_, body) => {
    expect(isFormData(body)).toBe(false);
  });
});
