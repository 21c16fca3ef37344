/** tokenkeep remembers clock and nonce of servers that check proofs, until they expire or the next refusal disproves them. */
import { describe, expect, test } from 'vitest';
import { KnownServers } from '../../../src/dpop/known-servers.ts';

const now = Date.parse('2030-01-01T00:00:00Z');
const request = { verifier: 'protected resource', method: 'GET', url: 'https://api.test/a', now } as const;
const later = new Date(now + 3_600_000).toUTCString();

describe('the time of a server that has refused a proof', () => {
  test('is used for the next proofs', () => {
    const servers = new KnownServers();
    expect(servers.updateClock(request, later)).toBe(true);
    expect(servers.get(request).clockOffset).toBe(3_600_000);
  });

  test('is forgotten when a proof of that time is refused as well', () => {
    const servers = new KnownServers();
    servers.updateClock(request, later);
    expect(servers.updateClock(request, later)).toBe(false);
    expect(servers.get(request).clockOffset).toBe(0);
    expect(servers.updateClock(request, later)).toBe(true);
  });

  test('is forgotten, and the proof repeated, when the next refusal has no time', () => {
    const servers = new KnownServers();
    servers.updateClock(request, later);
    expect(servers.updateClock(request, null)).toBe(true);
    expect(servers.get(request).clockOffset).toBe(0);
    expect(servers.updateClock(request, null)).toBe(false);
  });

  test('keeps the nonce that is known', () => {
    const servers = new KnownServers();
    servers.storeNonce(request, 'n1');
    servers.updateClock(request, later);
    servers.updateClock(request, later);
    expect(servers.get(request).nonce).toBe('n1');
    servers.storeNonce(request, 'n2');
    expect(servers.get(request).nonce).toBe('n2');
  });
});

test('of 100 servers the last ones are remembered', () => {
  const servers = new KnownServers();
  const at = (index: number) => ({ ...request, url: `https://api${index}.test/` });
  for (let index = 0; index < 101; index++) servers.storeNonce(at(index), `n${index}`);
  expect(servers.get(at(0)).nonce).toBeUndefined();
  expect(servers.get(at(1)).nonce).toBe('n1');
  expect(servers.get(at(100)).nonce).toBe('n100');
});
