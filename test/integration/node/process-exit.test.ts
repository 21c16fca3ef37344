/** K4b: an operation keeps the process alive only while a caller waits for it (law judgements-end). */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { bundledProgram } from '../../support/processes/program.ts';

const program = await bundledProgram(new URL('support/waiting-process.ts', import.meta.url));

/** Returns the output of a process that ended by itself. */
async function printed(scene: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [program, scene]);
  return stdout;
}

test.each([
  ['setTokens', 'done'],
  ['getTokens', 'first'],
  ['getAccessToken', 'refreshed'],
  ['fetch', 'fine'],
  ['signOut', 'true'],
  ['inspect', 'default'],
  ['close', 'done'],
])('a process waits for %s', async (scene, outcome) => {
  expect(await printed(scene)).toBe(outcome);
});

test.each([
  ['a call that was given up', 'AbortError'],
  ['an event', ''],
])('a process does not wait for %s', async (scene, outcome) => {
  expect(await printed(scene)).toBe(outcome);
});
