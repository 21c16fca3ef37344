/** Two users who sign in and out over one session that two managers share: what can happen, and the law one-login. */
import { expect } from 'vitest';
import { fc } from '../../support/properties.ts';
import { act } from './scheduled.ts';
import { openWorld, type World } from './world.ts';

type User = 'alice' | 'bob';
export type Action = { readonly manager: number } & (
  | { readonly kind: 'call' | 'upload' | 'token' | 'stale' | 'narrow' | 'signOut' | 'look' }
  | { readonly kind: 'login'; readonly user: User; readonly isPatient: boolean }
  | { readonly kind: 'rejectAll' }
  | { readonly kind: 'sleep'; readonly ms: number }
);

/** A call, and the user whom the application saw signed in when it began. */
interface Call {
  readonly manager: number;
  readonly path: string;
  readonly shown: string | undefined;
  error: unknown;
}

const manager = fc.nat(1);
const of = <K extends string>(...kinds: K[]) => fc.record({ kind: fc.constantFrom(...kinds), manager });
const work = fc.oneof(
  { weight: 4, arbitrary: of('call') },
  { weight: 1, arbitrary: of('upload') },
  { weight: 3, arbitrary: of('token', 'stale', 'narrow', 'look') },
  { weight: 2, arbitrary: of('rejectAll') },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('sleep' as const),
      manager,
      ms: fc.constantFrom(1_000, 280_000, 301_000),
    }),
  },
);
const logins = (isPatient: boolean, ...users: User[]) =>
  fc.record({
    kind: fc.constant('login' as const),
    manager,
    user: fc.constantFrom(...users),
    isPatient: fc.constant(isPatient),
  });

/** An access token that a manager has given, and the user whom the application saw signed in when it asked. */
interface GivenToken {
  readonly manager: number;
  readonly shown: string | undefined;
  readonly token: string;
}

export interface TwoUsersStory {
  readonly world: World;
  readonly calls: readonly Call[];
  readonly tokens: readonly GivenToken[];
  /** Refreshes that changed the user. */
  readonly wrongNews: readonly string[];
}

/** The initial knowledge of each manager, and whether the API rejects the first token. */
type Start = 'unknown' | 'known' | 'rejected';

async function live(s: fc.Scheduler, start: Start, actions: readonly Action[]): Promise<TwoUsersStory> {
  const world = openWorld(s, { managers: 2, sessions: 1, apiTurns: 8 });
  const shown: (string | undefined)[] = [undefined, undefined];
  const wrongNews: string[] = [];
  for (const [index, { root }] of world.managers.entries()) {
    root.on('*', (event) => {
      const { type, subject } = event;
      if (type === 'signedIn') shown[index] = subject;
      if (type === 'signedOut' || type === 'sessionEnded') shown[index] = undefined;
      // An ordinary refresh never changes the user.
      if (type !== 'adopted' && type !== 'refreshed') return;
      if (shown[index] !== undefined && shown[index] !== subject) wrongNews.push(`${type} ${subject}`);
      shown[index] = subject;
    });
  }
  await world.login(0, 0, 'alice').done;
  const calls: Call[] = [];
  const tokens: GivenToken[] = [];
  const stale: string[][] = [[], []];
  const arriving: Promise<unknown>[] = [];

  async function call(index: number, init?: () => RequestInit): Promise<void> {
    const noted: Call = { manager: index, path: world.path(), shown: shown[index], error: undefined };
    calls.push(noted);
    await world
      .of(index, 0)
      .fetch(`https://api.test${noted.path}`, init?.())
      .catch((error: unknown) => {
        noted.error = error;
      });
  }

  async function token(index: number, request?: object, expected = shown[index]): Promise<void> {
    const got = await world
      .of(index, 0)
      .getAccessToken(request)
      .catch(() => undefined);
    if (got === undefined) return;
    stale[index]?.push(got);
    tokens.push({ manager: index, shown: expected, token: got });
  }

  const perform = async (action: Action): Promise<void> => {
    const { manager: index } = action;
    switch (action.kind) {
      case 'call':
        return await call(index);
      case 'upload':
        return await call(index, upload);
      case 'token':
        return await token(index);
      case 'narrow':
        return await token(index, { scope: ['read'] });
      case 'stale': {
        const rejectedToken = stale[index]?.at(-1);
        if (rejectedToken === undefined) return undefined;
        return await token(index, { rejectedToken }, world.users.get(world.familyOf(rejectedToken)));
      }
      case 'look':
        return void (await world
          .of(index, 0)
          .getTokens()
          .catch(() => undefined));
      case 'signOut':
        shown[index] = undefined;
        return void (await world
          .of(index, 0)
          .signOut()
          .catch(() => undefined));
      case 'login':
        // If two logins run at once in one manager, the first is undone, and for a moment nothing is stored.
        if (action.isPatient) await arriving[index];
        shown[index] = action.user;
        arriving[index] = world.login(index, 0, action.user).done.catch(() => undefined);
        return void (await arriving[index]);
      case 'rejectAll':
        return world.server.expire();
      case 'sleep':
        return world.clock.step(action.ms, 'asleep');
    }
  };
  if (start !== 'unknown') for (const index of [0, 1]) await token(index);
  if (start === 'rejected') world.server.expire();
  await world.run(actions.map((action) => () => perform(action)));
  await world.drain();
  return { world, calls, tokens, wrongNews };
}

function upload(): RequestInit {
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(1));
      controller.close();
    },
  });
  return { method: 'POST', body, duplex: 'half' } as RequestInit;
}

/** The users whose tokens the API received with a call. */
function receivedAs({ server, users, familyOf }: World, path: string): string[] {
  return server.requests
    .filter((request) => request.path === path)
    .map(({ token }) => {
      const issuing = server.log.find(({ issued }) => issued?.includes(token ?? '') === true);
      return users.get(issuing?.family ?? '') ?? familyOf('');
    });
}

export const check = (
  actions: fc.Arbitrary<Action[]>,
  law: (story: TwoUsersStory) => unknown,
): Promise<void> =>
  fc.assert(
    fc.asyncProperty(
      fc.scheduler({ act }),
      fc.constantFrom<Start>('unknown', 'known', 'rejected'),
      actions,
      async (s, start, what) => void (await law(await live(s, start, what))),
    ),
    { numRuns: Number(process.env['RACE_RUNS'] ?? 300) },
  );

/** Everything that two users and their calls may do. */
export const all: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: work },
    { weight: 1, arbitrary: of('signOut') },
    { weight: 2, arbitrary: logins(false, 'alice', 'bob') },
  ),
  { minLength: 2, maxLength: 12 },
) as fc.Arbitrary<Action[]>;

/** Calls, and logins of one user. */
export const sameUser: fc.Arbitrary<Action[]> = fc.array(
  fc.oneof({ weight: 3, arbitrary: work }, { weight: 2, arbitrary: logins(true, 'alice') }),
  { minLength: 2, maxLength: 12 },
) as fc.Arbitrary<Action[]>;

/** Law one-login: every call arrives with the token of the user who was signed in when it began. */
export function underOneLogin({ world, calls, tokens }: TwoUsersStory): void {
  for (const { path, shown } of calls) {
    const users = new Set(receivedAs(world, path));
    expect([...users], `whose tokens ${path} has`).toHaveLength(Math.min(1, users.size));
    if (shown !== undefined) for (const user of users) expect(user, `whose token ${path} has`).toBe(shown);
  }
  for (const { shown, token } of tokens) {
    if (shown !== undefined) expect(world.users.get(world.familyOf(token)), 'whose token it is').toBe(shown);
  }
  expect(world.server.counts).toMatchObject({ reuses: 0, refreshTokensResent: 0 });
}
