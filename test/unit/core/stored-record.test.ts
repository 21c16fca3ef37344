/** Records as text. */
import { expect, test } from 'vitest';
import { parseRecord, serializeRecord } from '../../../src/core/stored-record.ts';

test.each([
  ['a record with a cycle', Object.assign({ secret: 'rt-1' }, { toJSON: () => circular() })],
  ['a record whose toJSON() throws', { toJSON: () => failWith('rt-1') }],
  ['a function', Object.assign(() => 'rt-1')],
])('%s is a StorageError without a cause, which could quote the record', (_what, record) => {
  let thrown: unknown;
  try {
    serializeRecord(record);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toMatchObject({ code: 'ERR_STORAGE', operation: 'write' });
  expect(thrown).not.toHaveProperty('cause');
});

test('a text that is not JSON is returned unchanged, so that the manager can reject it', () => {
  expect(parseRecord('{"a":1}')).toEqual({ a: 1 });
  expect(parseRecord('{"a":')).toBe('{"a":');
});

function circular(): object {
  const value: Record<string, unknown> = {};
  value['self'] = value;
  return value;
}

function failWith(message: string): never {
  throw new Error(message);
}
