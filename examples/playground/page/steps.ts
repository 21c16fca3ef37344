/** The picture of the seven steps, with each tab as a disc that passes through them. */
import { copyOf, counted, element, write } from './elements.ts';
import type { Step, Told } from './facts.ts';

interface Lane {
  readonly box: HTMLElement;
  at: Step;
  isHolder: boolean;
  /** Calls that have no answer yet. */
  open: number;
  text: string;
}

export class Steps {
  readonly #lanes: Lane[];
  readonly #stations: HTMLElement[];

  constructor(tabs: number) {
    this.#stations = [...document.querySelectorAll<HTMLElement>('#stations > li')];
    this.#lanes = Array.from({ length: tabs }, (_, index) => {
      const box = copyOf('#lane');
      box.dataset['tab'] = `${index + 1}`;
      element('.disc', box).textContent = `${index + 1}`;
      element('.who', box).textContent = `Tab ${index + 1}`;
      element('#lanes').append(box);
      return { box, at: 0, isHolder: false, open: 0, text: 'at rest' };
    });
  }

  take(told: Told): void {
    const lane = this.#lanes[told.tab - 1];
    if (lane === undefined) return;
    if (told.what === 'asked') lane.open += 1;
    if (told.what === 'got') lane.open -= 1;
    if (told.what === 'step') {
      lane.at = told.step;
      lane.isHolder = told.detail === 'holds' || (lane.isHolder && told.step > 1);
    }
    lane.box.toggleAttribute(
      'data-frozen',
      told.what === 'frozen' || (lane.box.hasAttribute('data-frozen') && told.what !== 'woken'),
    );
    lane.text = saying(told) ?? lane.text;
    this.#draw(lane);
  }

  #draw({ box, at, isHolder, open, text }: Lane): void {
    box.style.setProperty('--at', `${at}`);
    box.toggleAttribute('data-moves', at > 0);
    box.toggleAttribute('data-holds', isHolder && at > 0);
    write(element('.says', box), text);
    write(element('.badge', box), at > 0 && open > 1 ? counted(open, 'call') : '');
    for (const [index, station] of this.#stations.entries()) {
      station.toggleAttribute(
        'data-on',
        this.#lanes.some((lane) => lane.at === index + 1),
      );
    }
  }
}

const atStep: Record<Step, string | undefined> = {
  0: undefined,
  1: 'joins one flight',
  2: 'waits for the lock',
  3: 'reads what is stored',
  4: 'compares it',
  5: 'marks the token',
  6: 'stores the successor',
  7: 'resolves all callers',
};

/** The text of a lane after a fact; `undefined`: unchanged. */
function saying(told: Told): string | undefined {
  switch (told.what) {
    case 'step':
      if (told.detail === 'holds') return 'has the lock';
      return told.detail === 'posts' ? 'spends the token' : atStep[told.step];
    case 'frozen':
      return 'frozen, with the lock';
    case 'woken':
      return 'awake again';
    case 'event':
      return afterEvent[told.type];
    default:
      return undefined;
  }
}

const afterEvent: Record<string, string | undefined> = {
  signedIn: 'signed in',
  refreshed: 'has refreshed',
  adopted: 'took it over',
  refreshFailed: 'no successor yet',
  sessionEnded: 'the session has ended',
  signedOut: 'the session has ended',
};
