/** The page: opens the stage and the tabs, and brings buttons, facts and pictures together. */
import { element, write } from './elements.ts';
import type { Told } from './facts.ts';
import { openTabs, type Tab } from './frames.ts';
import { Ledger } from './ledger.ts';
import { type Cast, freeze, opening, type Scene, scenes, signIn } from './scenes.ts';
import { type Deed, openStage, type ServerCounts } from './stage.ts';
import { Steps } from './steps.ts';
import { Story } from './story.ts';
import { deeds } from './telling.ts';
import { Timeline } from './timeline.ts';
import { verdict } from './verdict.ts';

const tabCount = 3;
/** How long a step takes in slow motion, in ms; `?pace=0` begins at real speed. */
const slow = 450;
const wished = Number(new URLSearchParams(location.search).get('pace') ?? slow);

const now = () => performance.timeOrigin + performance.now();
const ledger = new Ledger();
const steps = new Steps(tabCount);
const story = new Story();
const timeline = new Timeline(tabCount);
const asleep = new Map<number, () => void>();
let told: Told[] = [];
let playing = 0;
let hasSession = false;

const stage = await openStage(
  (counts) => {
    ledger.servers = counts;
    ledger.draw();
  },
  () => write(element('#verdict'), 'The playground has been stopped. Start it again and reload this page.'),
);
const tabs = await openTabs(tabCount, (facts) => {
  for (const fact of facts) take(fact);
});
const cast: Cast = { stage, tabs, act };

function take(fact: Told): void {
  told.push(fact);
  for (const taker of [ledger, steps, story, timeline]) taker.take(fact);
  if (fact.what === 'frozen') asleep.get(fact.tab)?.();
  if (fact.what !== 'event') return;
  if (fact.type === 'signedIn') hasSession = true;
  if (fact.type === 'sessionEnded') hasSession = false;
}

async function act(deed: Deed): Promise<unknown> {
  story.say(deeds[deed], now());
  if (deed === 'expire' || deed === 'revoke') timeline.tokenEnds(now());
  return await stage.act(deed);
}

/** Plays a scene. One that begins while another plays joins it. */
async function play(scene: Scene): Promise<void> {
  if (playing === 0) {
    told = [];
    story.begin(now());
    timeline.begin(now());
  }
  playing += 1;
  document.documentElement.toggleAttribute('data-plays', true);
  const before: ServerCounts = await stage.counts();
  try {
    if (!hasSession && scene !== signIn && scene !== opening) await signIn(cast);
    await scene(cast);
    ledger.servers = await stage.counts();
    ledger.draw();
    write(element('#verdict'), verdict(told, before, ledger.servers));
  } finally {
    playing -= 1;
    if (playing === 0) timeline.end(now());
    document.documentElement.toggleAttribute('data-plays', playing > 0);
  }
}

for (const button of document.querySelectorAll<HTMLElement>('[data-scene]')) {
  button.addEventListener('click', () => {
    const { scene = '' } = button.dataset;
    if (scene === 'offline' || scene === 'online') connect(button, scene === 'online');
    void play(scenes[scene] as Scene);
  });
}

/** One button for both: what it says is what it does next. */
function connect(button: HTMLElement, isOnline: boolean): void {
  button.dataset['scene'] = isOnline ? 'offline' : 'online';
  write(element('b', button), isOnline ? 'Go offline' : 'Go online');
  document.documentElement.toggleAttribute('data-offline', !isOnline);
}

for (const tab of tabs) tab.freezer.addEventListener('click', () => void toggleSleep(tab));

async function toggleSleep(tab: Tab): Promise<void> {
  const isFrozen = tab.freezer.getAttribute('aria-pressed') === 'true';
  tab.freezer.setAttribute('aria-pressed', `${!isFrozen}`);
  if (isFrozen) {
    asleep.get(tab.number)?.(); // or it was never tired enough
    return await tab.order({ do: 'wake' });
  }
  const falls = new Promise<void>((resolve) => asleep.set(tab.number, resolve));
  await play(freeze(tab, falls));
}

const slowly = element('#slowly') as HTMLInputElement;
slowly.checked = wished > 0;
slowly.addEventListener('change', () => {
  for (const tab of tabs) void tab.order({ do: 'pace', pace: slowly.checked ? slow : 0 });
});

const session = crypto.randomUUID();
await Promise.all(tabs.map((tab) => tab.order({ do: 'open', wiring: stage.wiring, session, pace: wished })));
await play(opening);
document.documentElement.toggleAttribute('data-ready', true);
