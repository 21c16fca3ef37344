/** The reference, made from the doc comments: every public name has its sentence, and every link leads somewhere. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { doors } from '../support/package/manifest.ts';

test('the reference is made without a warning, and has every door', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-reference-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'reference.json');
  const typedoc = ['node_modules/typedoc/bin/typedoc', '--json', file];
  const { status, stdout, stderr } = spawnSync(process.execPath, typedoc, { encoding: 'utf8' });
  const warnings = (stdout + stderr).split('\n').filter((line) => /warning|error/.test(line));
  expect(warnings).toEqual([]);
  expect(status).toBe(0);
  const { children }: { children: { name: string }[] } = JSON.parse(readFileSync(file, 'utf8'));
  const named = children.map(({ name }) => (name.startsWith('tokenkeep') ? name : `tokenkeep/${name}`));
  expect(named.sort()).toEqual([...doors.keys()].sort());
});
