import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { packed } from '../support/package/built.ts';
import { installPackages, installTimeout } from '../support/package/install.ts';
import { manifest } from '../support/package/manifest.ts';

const checkers = 'test/package/checkers';
let pack: ReturnType<typeof packed>;
beforeAll(async () => {
  await installPackages(checkers);
  pack = packed();
}, installTimeout);
afterAll(() => pack?.remove());

test('publint finds nothing to say', async () => {
  const { messages, pkg } = await publint({
    pkgDir: `${pack.folder}/node_modules/${manifest.name}`,
    strict: true,
    pack: false,
  });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test('the types resolve for every kind of importer that can load an ES module', () => {
  const attw = join(checkers, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const options = ['--profile', 'esm-only', '--no-emoji', '--no-color', '--format', 'ascii'];
  const { status, stdout, stderr } = spawnSync(process.execPath, [attw, pack.tarball, ...options], {
    encoding: 'utf8',
  });
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
});

test('types come first in every door, so that no condition hides them', () => {
  const conditions = Object.values(manifest.exports).filter((target) => typeof target !== 'string');
  expect(conditions.map((target) => Object.keys(target ?? {})[0])).toEqual(conditions.map(() => 'types'));
});
