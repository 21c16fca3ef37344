/** The timeline of a scene: access tokens, and for each tab its calls, its waiting and its turn with the lock. */

import { Brush } from './brush.ts';
import { element } from './elements.ts';
import type { Told } from './facts.ts';

/** Heights, in px. */
const tokenRow = 30;
const tabRow = 58;
const axisRow = 22;

const isCalm = matchMedia('(prefers-reduced-motion: reduce)');

/** The facts of a scene that are drawn. */
interface Turn {
  readonly from: number;
  readonly holds: boolean;
  until: number | undefined;
  readonly marks: { readonly at: number; readonly step: number }[];
}

export class Timeline {
  readonly #brush: Brush;
  readonly #tabs: number;
  readonly #told: Told[] = [];
  /** When access tokens began and ended. */
  #tokens: { from: number; until: number | undefined; number: number }[] = [];
  #start = 0;
  #end: number | undefined = 0;
  #isDrawn = false;
  #generation = 0;

  constructor(tabs: number) {
    this.#tabs = tabs;
    const height = tokenRow + tabs * tabRow + axisRow;
    this.#brush = new Brush(element('#timeline') as HTMLCanvasElement, height);
    const again = () => this.#draw();
    new ResizeObserver(again).observe(element('#timeline'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', again);
  }

  begin(at: number): void {
    this.#start = at;
    this.#end = undefined;
    this.#told.length = 0;
    this.#tokens = this.#tokens
      .filter(({ until }) => until === undefined)
      .map((token) => ({ ...token, from: at }));
    this.#run();
  }

  /** The scene has ended: the picture stands still. */
  end(at: number): void {
    this.#end = at;
    this.#draw();
  }

  take(told: Told): void {
    this.#told.push(told);
    if (this.#end !== undefined && told.at > this.#end) this.#end = told.at;
    if (told.what === 'event') {
      if (told.type === 'signedIn' || told.type === 'refreshed') this.#tokenBegins(told.at);
      if (told.type === 'sessionEnded') this.tokenEnds(told.at);
    }
    this.#soon();
  }

  /** The access token has expired, and no one has noticed yet. */
  tokenEnds(at: number): void {
    for (const token of this.#tokens) token.until ??= at;
  }

  #tokenBegins(at: number): void {
    this.tokenEnds(at);
    this.#generation += 1;
    this.#tokens.push({ from: at, until: undefined, number: this.#generation });
  }

  /** Draws as time passes; with reduced motion, only at events. */
  #run(): void {
    this.#draw();
    if (this.#end === undefined && !isCalm.matches) requestAnimationFrame(() => this.#run());
  }

  #soon(): void {
    if (this.#isDrawn || (this.#end === undefined && !isCalm.matches)) return;
    this.#isDrawn = true;
    requestAnimationFrame(() => {
      this.#isDrawn = false;
      this.#draw();
    });
  }

  #draw(): void {
    const now = this.#end ?? performance.timeOrigin + performance.now();
    const length = Math.max(50, (now - this.#start) * 1.04);
    const brush = this.#brush.begin(this.#start, length);
    this.#drawTokens(now);
    for (let tab = 1; tab <= this.#tabs; tab++) this.#drawTab(tab, now);
    brush.axis(tokenRow + this.#tabs * tabRow);
  }

  #drawTokens(now: number): void {
    const brush = this.#brush;
    brush.label('token', tokenRow / 2, '--muted');
    for (const { from, until, number } of this.#tokens) {
      brush.bar({ from, until: until ?? now, y: 8, height: 14, colour: '--token', text: `#${number}` });
      if (until !== undefined) brush.tick(until, { y: 4, height: 22, colour: '--warn', width: 2 });
    }
  }

  #drawTab(tab: number, now: number): void {
    const brush = this.#brush;
    const y = tokenRow + (tab - 1) * tabRow;
    brush.rule(y);
    brush.label(`tab ${tab}`, y + tabRow / 2, `--tab-${tab}`);
    const told = this.#told.filter((one) => one.tab === tab);
    for (const one of told) {
      if (one.what === 'sent') {
        const again = one.time > 1;
        brush.tick(one.at, {
          y: y + (again ? 12 : 18),
          height: again ? 14 : 8,
          colour: again ? '--ink' : '--muted',
          width: 1,
        });
      }
      if (one.what === 'unreachable')
        brush.tick(one.at, { y: y + 6, height: 20, colour: '--warn', width: 2 });
      if (one.what !== 'answered') continue;
      const isOk = one.status === 200;
      brush.tick(one.at, {
        y: y + (isOk ? 6 : 12),
        height: isOk ? 20 : 14,
        colour: isOk ? '--ok' : '--warn',
        width: 2,
      });
    }
    for (const turn of turnsOf(told)) {
      const until = turn.until ?? now;
      const bar = { from: turn.from, until, y: y + 31, height: 18, colour: `--tab-${tab}` };
      if (turn.holds) brush.bar({ ...bar, text: '' });
      else brush.hatched(bar);
      if (turn.holds) for (const { at, step } of turn.marks) brush.number(at, step, y + 40);
    }
  }
}

/** When a tab waited for the lock, and when it had it. */
function turnsOf(told: readonly Told[]): Turn[] {
  const turns: Turn[] = [];
  for (const one of told) {
    if (one.what !== 'step') continue;
    const last = turns.at(-1);
    const isNew = one.step === 1 || one.detail === 'holds';
    if ((isNew || one.step === 0) && last !== undefined) last.until ??= one.at;
    if (isNew) turns.push({ from: one.at, holds: one.detail === 'holds', until: undefined, marks: [] });
    else if (one.step > 2 && last?.marks.at(-1)?.step !== one.step)
      last?.marks.push({ at: one.at, step: one.step });
  }
  return turns;
}
