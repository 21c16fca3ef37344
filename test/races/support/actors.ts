/** Actions on a world, as data that fast-check generates and shrinks. */
import type { SignOutResult } from 'tokenkeep';
import { fc } from '../../support/properties.ts';
import type { StorageTrouble } from './scheduled.ts';
import type { Outcome, RefreshTrouble, World } from './world.ts';

interface Place {
  readonly manager: number;
  readonly session: number;
}

export type Action =
  | (Place & { readonly kind: 'call' | 'abortedCall' | 'token' | 'narrow' | 'signOut' | 'login' })
  | { readonly kind: 'rejectAll' }
  | { readonly kind: 'clock'; readonly ms: number; readonly how: 'awake' | 'asleep' }
  | { readonly kind: 'refresh'; readonly trouble: RefreshTrouble }
  | { readonly kind: 'storage'; readonly trouble: StorageTrouble };

export interface Call {
  readonly kind: 'call' | 'abortedCall' | 'token' | 'narrow';
  readonly manager: number;
  readonly session: number;
  /** Path of a call. */
  readonly path: string | undefined;
  /** In the same count as those of {@link Deed}. */
  readonly startedAt: number;
  outcome: Outcome | undefined;
}

/** A login or sign-out: when it began and when it ended. */
export interface Deed {
  readonly kind: 'signOut' | 'login';
  readonly manager: number;
  readonly session: number;
  readonly startedAt: number;
  endedAt: number;
  /** The session that a login begins. */
  family: string | undefined;
  error: unknown;
  /** Of a sign-out. */
  result: SignOutResult | undefined;
  /** The refresh token that was stored when a sign-out began. */
  readonly stored: string | undefined;
}

export interface Story {
  readonly calls: Call[];
  readonly deeds: Deed[];
}

const place = { manager: fc.nat(2), session: fc.nat(2) };
const ofKind = <K extends string>(kind: K) => fc.record({ kind: fc.constant(kind), ...place });

export const calls = fc.oneof(
  { weight: 5, arbitrary: ofKind('call') },
  { weight: 1, arbitrary: ofKind('abortedCall') },
  { weight: 2, arbitrary: ofKind('token') },
  { weight: 1, arbitrary: ofKind('narrow') },
);
const clock = (how: 'awake' | 'asleep', ...steps: number[]) =>
  fc.record({
    kind: fc.constant('clock' as const),
    ms: fc.constantFrom(...steps),
    how: fc.constant(how),
  });
export const evidence = fc.oneof(
  fc.record({ kind: fc.constant('rejectAll' as const) }),
  clock('asleep', 1_000, 200_000, 280_000, 301_000, 86_400_000),
);
export const backwards = clock('asleep', -86_400_000);
/** Time in which deadlines pass. */
export const deadlines = clock('awake', 1_000, 31_000, 301_000);
export const comings = fc.oneof(ofKind('signOut'), ofKind('login'));
export const refreshTroubles = fc.record({
  kind: fc.constant('refresh' as const),
  trouble: fc.constantFrom<RefreshTrouble>(
    'unavailable',
    'unsent',
    'lostRequest',
    'lostResponse',
    'rateLimited',
  ),
});
/** The transport follows a redirect of the token endpoint. */
export const foreignAnswers = fc.record({
  kind: fc.constant('refresh' as const),
  trouble: fc.constant<RefreshTrouble>('redirected'),
});
export const harmlessTroubles = fc.record({
  kind: fc.constant('refresh' as const),
  trouble: fc.constantFrom<RefreshTrouble>('unavailable', 'unsent', 'lostRequest', 'rateLimited'),
});
export const storageTroubles = fc.record({
  kind: fc.constant('storage' as const),
  trouble: fc.record({
    on: fc.constantFrom<StorageTrouble['on']>('read', 'write', 'delete'),
    after: fc.boolean(),
  }),
});

/** Turns actions into actors that record their results. */
export function perform(world: World, actions: readonly Action[]) {
  const story: Story = { calls: [], deeds: [] };
  let deeds = 0;

  async function call(action: Action & Place & { kind: Call['kind'] }): Promise<void> {
    const { kind, manager, session } = action;
    const target = world.of(manager, session);
    const path = kind === 'call' || kind === 'abortedCall' ? world.path() : undefined;
    const noted: Call = { kind, manager, session, path, startedAt: ++deeds, outcome: undefined };
    story.calls.push(noted);
    const controller = new AbortController();
    if (kind === 'abortedCall') queueMicrotask(() => controller.abort(new Error('left')));
    const attempt =
      path === undefined
        ? target
            .getAccessToken(kind === 'narrow' ? { scope: ['read'] } : undefined)
            .then((token) => ({ token }))
        : target
            .fetch(`https://api.test${path}`, { signal: controller.signal })
            .then(({ status }) => ({ status }));
    noted.outcome = await attempt.catch((error: unknown) => ({ error }));
  }

  async function deed({ kind, manager, session }: Action & Place & { kind: Deed['kind'] }): Promise<void> {
    const noted: Deed = {
      kind,
      manager,
      session,
      startedAt: ++deeds,
      endedAt: Number.POSITIVE_INFINITY,
      family: undefined,
      error: undefined,
      result: undefined,
      stored: world.spendable.get(world.sessionIds[session % world.sessionIds.length] ?? ''),
    };
    story.deeds.push(noted);
    const login = kind === 'login' ? world.login(manager, session) : undefined;
    noted.family = login?.family;
    const done =
      login?.done ??
      world
        .of(manager, session)
        .signOut()
        .then((result) => {
          noted.result = result;
        });
    await done.catch((error: unknown) => {
      noted.error = error;
    });
    noted.endedAt = ++deeds;
  }

  const actors = actions.map((action) => async () => {
    switch (action.kind) {
      case 'rejectAll':
        return world.server.expire();
      case 'clock':
        return world.clock.step(action.ms, action.how);
      case 'refresh':
        return void world.refreshTroubles.push(action.trouble);
      case 'storage':
        return void world.storageTroubles.push(action.trouble);
      case 'signOut':
      case 'login':
        return await deed(action as never);
      default:
        return await call(action as never);
    }
  });
  return { actors, story };
}
