/** Idle sign-out in a page, by a clock that a test moves for all tabs. */
import type { TokenManager } from 'tokenkeep';
import { type IdleSignOut, type IdleState, idleSignOut } from 'tokenkeep/browser';

const offset = 'test: clock offset';
const timers = new Map<number, { at: number; callback: () => void }>();
let lastId = 0;

/** The platform's time, and how much the test has added to it. */
const clock = {
  now: () => Date.now() + Number(localStorage.getItem(offset)),
  setTimeout(callback: () => void, delay: number) {
    timers.set(++lastId, { at: clock.now() + delay, callback });
    return lastId;
  },
  clearTimeout: (id: unknown) => void timers.delete(id as number),
};

function runTimers(): void {
  for (const [id, { at, callback }] of timers) if (at <= clock.now() && timers.delete(id)) callback();
}
globalThis.addEventListener?.('storage', ({ key }) => {
  if (key === offset) runTimers();
});

let idle: IdleSignOut | undefined;

export const idleCommands = (manager: () => TokenManager) => ({
  /** Begins to watch the user of this page, who has a button to press. */
  async watchIdle(after: number, warn: number): Promise<IdleState> {
    document.body.append(document.createElement('button'));
    idle = idleSignOut(manager(), { after, warn, clock });
    await idle.ready;
    return idle.getSnapshot();
  },

  /** Moves the clock of all tabs. */
  passIdle(ms: number): void {
    localStorage.setItem(offset, String(Number(localStorage.getItem(offset)) + ms));
    runTimers();
  },

  idleState: (): string | undefined => idle?.getSnapshot().kind,

  /** Resolves when the countdown of this page is in this state. */
  untilIdle: (kind: IdleState['kind']): Promise<void> =>
    new Promise((resolve) => {
      const check = () => {
        if (idle?.getSnapshot().kind === kind) resolve();
      };
      idle?.subscribe(check);
      check();
    }),
});
