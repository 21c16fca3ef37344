import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import * as scripts from '../../../src/redis/redis-scripts.ts';

const all = Object.entries(scripts).filter(
  (entry): entry is [string, scripts.Script] => typeof entry[1] === 'object',
);

test.each(all)('%s is known by its hash, so that Redis is sent it once', (_name, { text, sha1 }) => {
  expect(sha1).toBe(createHash('sha1').update(text).digest('hex'));
});
