/**
 * The laws under random schedules: several processes, one storage, one lock and one strict server, with lost messages,
 * crashes, frozen holders, lost leases, failing storages, sign-outs, logins and wrong clocks. `npm run simulate` runs more
 * of them; a seed that breaks a law here is replayed there with `--seed N --verbose`.
 */
import { afterEach, describe, expect, test, vi } from 'vitest';
import type * as ApplyGrant from '../../src/core/session/apply-grant.ts';
import type { LoginIdentity } from '../../src/core/session/login-identity.ts';
import type { Session } from '../../src/session/session.ts';
import * as doubles from './doubles.ts';
import type { Doubles } from './fleet.ts';
import { type SimulateOptions, simulate } from './simulate.ts';
import type { Profile, Weather } from './weather.ts';

/** Causes that may end a session. The simulation names every end, and fails for any that has none of these causes. */
const ends: Readonly<Record<Profile, RegExp>> = {
  strict:
    /^(alive|revoked by administrator|signed out|replaced by a login|never stored|response lost: .+|lease (ended|stolen) AND .+|storage failed: .+)$/,
  leeway:
    /^(alive|revoked by administrator|signed out|replaced by a login|never stored|response lost: given up, and reached the server late .+|storage failed: it did not say that it had stored a login, .+|lease (ended|stolen) AND .+)$/,
};

const seeds = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);

async function run(profile: Profile, first: number, count: number): Promise<void> {
  for (const seed of seeds(first, count)) {
    const { broken, endings } = await simulate(seed, { profile });
    expect(broken, `npm run simulate -- --profile ${profile} --verbose --seed ${seed}`).toBeUndefined();
    for (const end of endings) expect(end).toMatch(ends[profile]);
  }
}

describe('the laws hold', () => {
  test('on a strict server', () => run('strict', 1, 1_000), 200_000);

  test(
    'on a server with a declared reuse window, where no single lost response costs a session',
    () => run('leeway', 1, 500),
    200_000,
  );
});

test('a seed is a schedule: it does the same every time', async () => {
  for (const seed of seeds(1, 25)) {
    const { steps, digest } = await simulate(seed);
    expect(await simulate(seed)).toMatchObject({ steps, digest });
  }
});

// A seed means another schedule as soon as the simulation changes. The findings of these seeds are pinned for
// good in test/unit/session/unsaved-login.test.ts and test/unit/session/revoke-tokens.test.ts.
test.each([
  [284, 'a login that was refused, tried again over what came after it'],
  [256, 'a refresh token spent once more while a sign-out was on its way to the storage'],
  [31_785_538, 'a login that had been stored, spent and signed out of was stored again as if it were new'],
  [31_783_803, 'the same, where the storage had reported the first attempt as a conflict'],
  [316_624_461, 'the late tokens of a login that its own process had replaced are revoked'],
  [31_788_586, 'the late tokens of a refresh whose session a login was about to replace are revoked'],
])('seed %i, which broke a law: %s', (seed) => run('strict', seed, 1));

// Laws about sessions that begin and end are tested in a world where sessions do so often.
const busy = {
  deeds: { call: 10, token: 5, reject: 4, login: 3, revoke: 2, signOut: 2 },
  meddling: { login: 0.3, signOut: 0.1 },
};
const stolen = { mayBeLost: true, meddling: { steal: 0.3 } };
const severalUsers = { ...busy, users: 2, identified: true };

describe('the simulation finds', () => {
  test.each<[string, Doubles, RegExp, Partial<Weather>?]>([
    ['a lock that excludes nobody', doubles.lockForEverybody, /^law (single-use|commit-before-use)/],
    ['a lock that lets go too early', doubles.lockThatLetsGo, /^(law single-use|step 2)/],
    ['a lock that conceals that it can be lost', doubles.lockThatConceals, /^law bounded-locks/, stolen],
    ['a storage whose compare-and-set always succeeds', doubles.storageWithoutVersions, /^law/],
    ['a storage that forgets the marker', doubles.storageWithoutMarks, /^law response-lost/],
    ['a storage that does not delete', doubles.storageThatKeeps, /^(law sign-out-wins|liveness)/],
    ['a storage that deletes what it should not', doubles.storageThatDeletesAll, /^law/, busy],
    [
      'a storage that forgets whose session it is',
      doubles.storageWithoutLogins,
      /^law one-login/,
      severalUsers,
    ],
    ['a transport that conceals a redirect', doubles.transportThatConceals, /^storage/],
  ])('%s', (_, double, law, weather = {}) => finds(simulate, law, { doubles: double, weather }));
});

describe('the simulation finds code in which', () => {
  afterEach(() => vi.resetModules());

  /** The simulation of a manager with one module that is broken on purpose. */
  async function mutated(module: string, change: (original: never) => object): Promise<typeof simulate> {
    vi.resetModules();
    vi.doMock(module, async (original) => {
      const exports = (await original()) as object;
      return { ...exports, ...change(exports as never) };
    });
    const mutant = await import('./simulate.ts');
    vi.doUnmock(module);
    return mutant.simulate;
  }

  test('a call continues under another login', async () => {
    const mutant = await mutated('../../src/core/session/login-identity.ts', () => ({
      isSameLogin: () => true,
    }));
    await finds(mutant, /^law one-login/, { weather: severalUsers });
  });

  test('the verdict about a resource never ends', async () => {
    const mutant = await mutated(
      '../../src/request/token-trials.ts',
      ({ TokenTrials }: { TokenTrials: new () => { isResourceSuspect(...about: unknown[]): boolean } }) => {
        class Stubborn extends TokenTrials {
          #isSure = false;
          override isResourceSuspect(...about: unknown[]): boolean {
            this.#isSure ||= super.isResourceSuspect(...about);
            return this.#isSure;
          }
        }
        return { TokenTrials: Stubborn };
      },
    );
    await finds(mutant, /^law judgements-end/);
  });

  test('secrets are not removed from foreign text', async () => {
    const mutant = await mutated('../../src/core/redact.ts', () => ({
      redact: (text: string) => text,
      redactAll: (texts: string[]) => texts,
    }));
    await finds(mutant, /^law no-token-in-words/, { weather: { storage: { before: 0.1 } } });
  });

  test('the response of another server is used', async () => {
    const mutant = await mutated('../../src/core/http/redirect.ts', () => ({
      assertResponseOrigin: () => undefined,
    }));
    await finds(mutant, /^storage/, { weather: { post: { redirected: 0.3 } } });
  });

  test('the tokens of a replaced login are revoked although its successor lives', async () => {
    const mutant = await mutated(
      '../../src/session/revoke-tokens.ts',
      ({ revokeOrphanedTokens }: { revokeOrphanedTokens: (...parameters: unknown[]) => void }) => ({
        revokeOrphanedTokens(context: unknown, session: Session, orphaned: unknown) {
          const { pending, work } = session;
          const eventContext = (login?: LoginIdentity) => session.eventContext(login);
          revokeOrphanedTokens(context, { ended: {}, pending, work, eventContext }, orphaned);
        },
      }),
    );
    const deeds = { call: 10, token: 5, reject: 4, login: 3 };
    await finds(mutant, /^law commit-before-use: .+ nobody has signed out/, {
      weather: { deeds, meddling: { login: 0.3 }, storage: { hang: 0.1 } },
    });
  });

  test('a login that may be spent is stored again as if it were new', async () => {
    const mutant = await mutated(
      '../../src/core/session/apply-grant.ts',
      ({ withPendingRefresh }: typeof ApplyGrant) => ({
        withPendingRefresh(...parameters: Parameters<typeof withPendingRefresh>) {
          const [record, , , since] = parameters;
          const isOfLogin = record.accessTokens['']?.issuedAt === since;
          return isOfLogin ? record : withPendingRefresh(...parameters);
        },
      }),
    );
    await finds(mutant, /^law response-lost: .+ may be spent/, {
      weather: { ...busy, storage: { hang: 0.2 } },
    });
  });

  test('a sign-out reports valid tokens as revoked', async () => {
    const mutant = await mutated('../../src/core/oauth/revocation-result.ts', () => ({
      notRevoked: () => ({ revoked: true }),
    }));
    await finds(mutant, /^law nothing-silent/, {
      weather: { ...busy, api: { lost: 0.5, unavailable: 0.5 } },
    });
  });
});

/** Runs schedules until one of them breaks a law. It must be this one. */
async function finds(run: typeof simulate, law: RegExp, options: SimulateOptions = {}): Promise<void> {
  for (const seed of seeds(1, 200)) {
    const { broken } = await run(seed, options);
    if (broken === undefined) continue;
    expect(broken).toMatch(law);
    return;
  }
  expect.unreachable('200 runs found nothing.');
}
