/**
 * The protocol, checked in every state it can reach. Models that are broken on purpose must fail: else the model
 * proves nothing.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const model = resolve(import.meta.dirname, 'refresh.pml');

/** The law that is broken first, in the words of the model; nothing if every state is fine. */
function check(...definitions: string[]): { states: number; broken: string | undefined } {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-model-'));
  try {
    run(folder, 'spin', ...definitions.map((name) => `-D${name}`), '-a', model);
    // The search takes 0.4 s at most; to optimise its program would take a second longer than it saves.
    run(folder, 'gcc', '-O0', '-DSAFETY', '-w', '-o', 'pan', 'pan.c');
    // -E: processes that have nothing left to do are no error. Exit code 0 whatever it finds.
    const output = run(folder, './pan', '-E', '-m100000');
    const states = Number(/(\d+) states, stored/.exec(output)?.[1]);
    if (/errors: 0\b/.test(output)) return { states, broken: undefined };
    return { states, broken: /assertion violated (.+?) \(at depth/.exec(output)?.[1] ?? output };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(cwd: string, command: string, ...parameters: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, parameters, { cwd, encoding: 'utf8' });
  if (error)
    throw new Error(`${command} is missing. Run: apt-get install spin gcc libc6-dev`, { cause: error });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}${stdout}`);
  return stdout;
}

describe('the laws hold in every state', () => {
  test.each([
    ['of two processes', ['N=2']],
    ['of three processes', ['N=3']],
    ['when two of two processes die at any step', ['N=2', 'CRASH=2']],
    ['when one of three processes dies at any step', ['N=3', 'NEEDS=1', 'CRASH=1']],
    ['when someone signs out at any moment', ['N=3', 'NEEDS=1', 'SIGN_OUT']],
    ['when the lock passes on from a frozen holder, twice', ['N=2', 'FREEZE=2']],
    ['when all of that happens', ['N=2', 'CRASH=1', 'FREEZE=1', 'SIGN_OUT']],
    ['when most of that happens to three', ['N=3', 'NEEDS=1', 'CRASH=1', 'FREEZE=1']],
    ['when another server answers a refresh', ['N=2', 'STRANGER', 'CRASH=1']],
    ['when another user signs in at any moment', ['N=2', 'LOGIN']],
    ['when another user signs in at any moment, among three processes', ['N=3', 'NEEDS=1', 'LOGIN']],
    ['when one user signs out and another one signs in', ['N=2', 'SIGN_OUT', 'LOGIN']],
    ['when another user signs in while processes die and freeze', ['N=2', 'CRASH=1', 'FREEZE=1', 'LOGIN']],
  ])('%s', (_, definitions) => {
    const { states, broken } = check(...definitions);
    expect(broken).toBeUndefined();
    expect(states).toBeGreaterThan(500);
  });
});

describe('a law breaks', () => {
  const reuse = '( !(revoked[0])||answerLost[0])';
  const usedTooEarly = '((used[owner]<=stored)||(version==0))';
  const forged = '(stored!=200)';
  const anotherLogin = ' !(mixed)';
  const comesBack = '((owner==latest)||(version==0))';

  test.each([
    ['without the lock: the family is revoked', ['N=2', 'NO_LOCK'], reuse],
    ['when a lock passes on without a fence', ['N=2', 'FREEZE=1', 'NO_FENCE'], usedTooEarly],
    ['when a holder that slept sends what it read before', ['N=2', 'FREEZE=1', 'NO_CHECK'], reuse],
    ['when the access token is used before the commit', ['N=2', 'USE_FIRST'], usedTooEarly],
    ['when the response of another server is used', ['N=2', 'STRANGER', 'BELIEVE'], forged],
    ['when a call continues under another login', ['N=2', 'LOGIN', 'ANY_LOGIN'], anotherLogin],
    ['when a refresh is committed over another login', ['N=2', 'LOGIN', 'BLIND_COMMIT'], comesBack],
  ])('%s', (_, definitions, law) => {
    expect(check(...definitions).broken).toBe(law);
  });
});
