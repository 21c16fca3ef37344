import { execFileSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Family, family } from '../../support/processes/family.ts';
import { SessionProcess } from '../../support/processes/session-processes.ts';

/** One that cannot write, whose clock the test moves, and one that can. */
let victim: SessionProcess;
let other: SessionProcess;
let shared: Family;
beforeAll(() => {
  [victim, other] = [new SessionProcess(), new SessionProcess()];
});
afterAll(async () => {
  await Promise.all([victim, other].map((one) => one.kill()));
});
beforeEach(async () => {
  shared = await family();
  await other.open(shared.session);
  await shared.signIn(other);
  await victim.open({ ...shared.session, stopsClock: true });
  expect(await victim.call()).toBe(200);
  shared.server.expire();
});
afterEach(async () => {
  limit('unlimited');
  await shared[Symbol.asyncDispose]();
});

/** How large a file may become by what the process writes, in bytes. With 0 it is as on a full disk, for root as well. */
function limit(size: number | 'unlimited'): void {
  execFileSync('prlimit', ['--pid', String(victim.child.pid), `--fsize=${size}:unlimited`]);
}

/** Failures that keep a process from writing, and their ends. */
const troubles = [
  {
    trouble: 'the disk is full',
    begin: () => limit(0),
    end: () => limit('unlimited'),
    remedy: /could (not be read or written. Look at the disk|not be made: the disk is full|not grow)/,
  },
  {
    trouble: 'the file is read-only',
    begin: () => chmodSync(shared.file, 0o400),
    end: () => chmodSync(shared.file, 0o600),
    remedy: /is read-only\. Run: chmod 600 /,
  },
];

describe.each(troubles)('$trouble', ({ begin, end, remedy }) => {
  test('before the refresh: nothing is sent, and the error names the remedy', async () => {
    begin();
    const { error } = await victim.outcome('call');
    expect(error?.code).toBe('ERR_STORAGE');
    expect(error?.message).toMatch(remedy);
    expect(shared.server.counts.tokenRequests).toBe(0);
    end();
    expect(await victim.call()).toBe(200);
    expect(shared.server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
  });

  test('at the marker: nothing is sent', async () => {
    const call = victim.call({ standsAt: 'before write' });
    await victim.reaches('before write');
    begin();
    await victim.do('goOn');
    expect(await call).toBe('ERR_STORAGE');
    expect(shared.server.counts.tokenRequests).toBe(0);
    end();
    expect(await other.call()).toBe(200);
    expect(shared.server.counts).toMatchObject({ tokenRequests: 1, reuses: 0 });
  });

  test('at the commit: the tokens are in use, and stored as soon as that is possible', async () => {
    const call = victim.call({ standsAt: 'before write 2' });
    await victim.reaches('before write 2');
    begin();
    await victim.do('goOn');
    expect(await call).toBe(200);
    expect(await victim.call()).toBe(200);
    expect(await victim.do('events')).toEqual(['storeFailed', 'refreshed']);
    end();
    await victim.do('advance', { ms: 60_000 });
    await victim.reaches('stored');
    expect(await other.do('refreshToken')).toBe(shared.server.currentRefreshToken());
    expect(await other.call()).toBe(200);
    expect(shared.server.counts).toMatchObject({ tokenRequests: 1, reuses: 0, familiesRevoked: 0 });
  });
});
