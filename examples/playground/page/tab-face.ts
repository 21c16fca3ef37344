/** Renders a tab: an application as its user sees it, and its counters. */
import { element, write } from './elements.ts';
import type { Fact } from './facts.ts';

type Number = 'ok' | 'replayed' | 'refreshed' | 'adopted';

export class Face {
  readonly #numbers: Record<Number, number> = { ok: 0, replayed: 0, refreshed: 0, adopted: 0 };
  #waiting = 0;
  #state = 'no session';

  constructor(number: number) {
    document.title = `Tab ${number}`;
    write(element('h1'), `The application in tab ${number}`);
    document.documentElement.dataset['tab'] = `${number}`;
    element('button').setAttribute('aria-label', `Call the API from tab ${number}`);
  }

  onCall(listener: () => void): void {
    element('button').addEventListener('click', listener);
  }

  take(fact: Fact): void {
    this.#count(fact);
    this.#state = stateAfter(fact) ?? this.#state;
    for (const [name, value] of Object.entries(this.#numbers)) write(element(`#${name}`), `${value}`);
    write(element('#state'), this.#waiting > 0 ? `${this.#state} · ${this.#waiting} open` : this.#state);
    document.documentElement.toggleAttribute('data-over', this.#state.startsWith('signed out'));
  }

  #count(fact: Fact): void {
    const numbers = this.#numbers;
    if (fact.what === 'asked') this.#waiting += 1;
    if (fact.what === 'got') this.#waiting -= 1;
    if (fact.what === 'got' && fact.result === 200) numbers.ok += 1;
    if (fact.what === 'sent' && fact.time > 1) numbers.replayed += 1;
    if (fact.what !== 'event') return;
    if (fact.type === 'refreshed') numbers.refreshed += 1;
    if (fact.type === 'adopted') numbers.adopted += 1;
  }
}

/** The message for its user. */
function stateAfter(fact: Fact): string | undefined {
  if (fact.what === 'got') {
    if (fact.result === 200) return 'signed in as ada';
    if (fact.result === 'ERR_LOGIN_REQUIRED') return 'signed out: please sign in';
    return fact.result === 'no network' ? 'no network, still signed in' : `${fact.result}: try again`;
  }
  if (fact.what !== 'event') return undefined;
  if (fact.type === 'signedIn' || fact.type === 'adopted') return 'signed in as ada';
  return fact.type === 'sessionEnded' || fact.type === 'signedOut' ? 'signed out: please sign in' : undefined;
}
