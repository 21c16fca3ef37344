/** The program of a tab: a small application that shows its results, and reports to the page. */
import type { Fact, FromPage, FromTab, Order, Told } from './facts.ts';
import { Pace } from './pace.ts';
import { Session } from './session.ts';
import { Face } from './tab-face.ts';

const number = Number(new URLSearchParams(location.search).get('number'));
const pace = new Pace();
const face = new Face(number);
let session: Session | undefined;
let facts: Told[] = [];

/** All frames of a page have one clock between them. */
const now = () => performance.timeOrigin + performance.now();

function tell(fact: Fact): void {
  const told = { ...fact, tab: number, at: now() } as Told;
  face.take(told);
  facts.push(told);
  if (facts.length > 1) return;
  queueMicrotask(() => {
    say({ facts });
    facts = [];
  });
}

function say(message: FromTab): void {
  parent.postMessage(message, location.origin);
}

const obey: { [Name in Order['do']]: (order: Extract<Order, { do: Name }>) => Promise<void> | void } = {
  open({ wiring, session: name, pace: slow }) {
    pace.slow = slow;
    session = new Session({ wiring, session: name, pace, tell });
    addEventListener('pagehide', () => session?.forget());
  },
  'sign in': ({ tokens }) => session?.signIn(tokens),
  call: ({ times }) => session?.call(times),
  age: () => session?.age(),
  freeze() {
    pace.isTired = true;
  },
  wake() {
    if (pace.isFrozen) tell({ what: 'woken' });
    pace.wake();
  },
  pace({ pace: slow }) {
    pace.slow = slow;
  },
};

addEventListener('message', ({ data, origin, source }: MessageEvent<FromPage>) => {
  if (origin !== location.origin || source !== parent) return;
  const { id, order } = data;
  Promise.resolve((obey[order.do] as (order: Order) => Promise<void> | void)(order)).then(
    () => say({ done: id }),
    (error: unknown) => say({ done: id, error: String(error) }),
  );
});
face.onCall(() => void session?.call(1));
say({ ready: true });
