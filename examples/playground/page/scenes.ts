/** The actions of the buttons: each changes the session, and then makes the change felt. */
import type { Tab } from './frames.ts';
import type { Deed, Stage } from './stage.ts';

export interface Cast {
  readonly stage: Stage;
  readonly tabs: readonly Tab[];
  /** Does something to the session, and says so. */
  readonly act: (deed: Deed) => Promise<unknown>;
}

export type Scene = (cast: Cast) => Promise<unknown>;

/** How many calls a storm has. */
const storm = 200;

const awake = (tabs: readonly Tab[]) => tabs.filter(({ isFrozen }) => !isFrozen);
const everyTab = (tabs: readonly Tab[], times: number) =>
  Promise.all(awake(tabs).map((tab) => tab.order({ do: 'call', times })));

export async function signIn({ act, tabs }: Cast): Promise<void> {
  const tokens = (await act('sign-in')) as object;
  await awake(tabs)[0]?.order({ do: 'sign in', tokens });
}

/** The beginning of every scene. */
export async function opening(cast: Cast): Promise<void> {
  await signIn(cast);
  await everyTab(cast.tabs, 1);
}

/** By the name of their button. */
export const scenes: Record<string, Scene> = {
  'sign-in': signIn,

  call: ({ tabs }) => everyTab(tabs, 1),

  async expire({ act, tabs }) {
    await act('expire');
    await everyTab(tabs, 1);
  },

  async storm({ act, tabs }) {
    await act('expire');
    const callers = awake(tabs);
    const share = (index: number) => Math.ceil((storm - index) / callers.length);
    await Promise.all(callers.map((tab, index) => tab.order({ do: 'call', times: share(index) })));
  },

  async 'lose-answer'({ act, tabs }) {
    await act('lose-answer');
    await Promise.all(awake(tabs).map((tab) => tab.order({ do: 'age' })));
    await everyTab(tabs, 1);
  },

  async revoke({ act, tabs }) {
    await act('revoke');
    await everyTab(tabs, 1);
  },

  async offline({ act, tabs }) {
    await act('offline');
    await everyTab(tabs, 1);
  },

  async online({ act, tabs }) {
    await act('online');
    await everyTab(tabs, 1);
  },
};

/** A tab falls asleep in the worst moment: with the lock in its hand. The others need a token meanwhile. */
export const freeze =
  (sleeper: Tab, isAsleep: Promise<void>): Scene =>
  async ({ act, tabs }) => {
    await act('expire');
    await sleeper.order({ do: 'freeze' });
    await Promise.race([isAsleep, sleeper.order({ do: 'call', times: 1 })]); // without a network it gets no lock
    await everyTab(tabs, 1);
  };
