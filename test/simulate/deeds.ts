/** Actions of people and machines during a run. */
import type { TokenManager } from '../../src/index.ts';
import type { Call, Deed, Facts } from './facts.ts';
import { errands, type Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import { judgeUse } from './storing.ts';

export interface Place {
  readonly process: Process;
  readonly session: string;
  /** The manager of this session in this process. */
  readonly manager: TokenManager;
}

/** A caller that has asked for a token or sent a call has to get an answer within this time, in ms, unless it is frozen. */
export const timeLimit: number = 15 * 60_000;

export async function call(facts: Facts, place: Place, kind: Call['kind']): Promise<void> {
  const { scheduler } = facts;
  const { process, session, manager } = place;
  const one: Call = {
    ...{ kind, session, process, path: `/call${facts.calls.size + 1}`, startedAt: facts.tick() },
    ...{
      since: scheduler.now,
      user: facts.users.get(`${process.name} ${session}`),
      sends: 0,
      outcome: undefined,
    },
  };
  facts.calls.set(one.path, one);
  scheduler.note(`${process.name} ${kind} ${one.path} for ${session}`);
  const controller = new AbortController();
  if (kind === 'abortedCall') {
    const delay = scheduler.chance.between(0, scheduler.chance.pick([10, 1_000, 60_000]));
    process.deliver(delay, `leaves ${one.path}`, () => controller.abort(new Error('left')));
  }
  const { signal } = controller;
  try {
    if (kind === 'token') {
      const token = await errands.run({ process }, () => manager.getAccessToken({ signal }));
      judgeUse(facts, facts.accessTokens.get(token), one);
      one.outcome = 'token';
    } else {
      await errands.run({ process }, () => manager.fetch(`https://api.test${one.path}`, { signal }));
      one.outcome = 'status';
    }
  } catch (error) {
    one.outcome = signal.aborted && error === signal.reason ? 'aborted' : 'error';
    judgeError(facts, one, error);
  }
  scheduler.note(`${process.name} ${one.path}: ${one.outcome}`);
}

/** Another caller's abort rejects no one, and every error says what to do. */
function judgeError(facts: Facts, { path, outcome }: Call, error: unknown): void {
  const { code, message } = error as { code?: string; message?: string };
  facts.scheduler.note(`  ${path} failed: ${code ?? message}`);
  const isSaid = code?.startsWith('ERR_') === true && code !== 'ERR_CONFIGURATION';
  if (outcome === 'error' && !isSaid && message !== 'fetch failed')
    facts.break('errors', `${path} failed with ${String(error)}`);
}

/** A sign-out or login, and its result. */
export async function deed(
  facts: Facts,
  { process, session }: Place,
  how: { kind: Deed['kind']; run: (deed: Deed) => Promise<unknown> },
): Promise<void> {
  const one: Deed = {
    ...{ kind: how.kind, session, process, startedAt: facts.tick() },
    ...{ endedAt: undefined, error: undefined },
  };
  facts.deeds.push(one);
  const place = `${process.name} ${session}`;
  facts.users.delete(place);
  facts.scheduler.note(`${process.name} ${how.kind} ${session}`);
  try {
    await errands.run({ process, deed: one }, () => how.run(one));
  } catch (error) {
    one.error = error;
  }
  one.endedAt = facts.tick();
  const isLatest =
    facts.deeds.findLast((other) => other.process === process && other.session === session) === one;
  const family = facts.families.find(({ login }) => login === one);
  if (isLatest && family !== undefined && one.error === undefined) facts.users.set(place, family.user);
  facts.scheduler.note(`${process.name} ${how.kind} ${session}: ${one.error ?? 'done'}`);
}

/** Each caller of a process that lives is answered, in bounded time. */
export function judgePatience(facts: Facts, scheduler: Scheduler): void {
  for (const { outcome, process, since, path } of facts.calls.values()) {
    if (outcome === undefined && process.alive && scheduler.now - since > timeLimit)
      facts.break('liveness', `${path} of ${process.name} is not answered`);
  }
}
