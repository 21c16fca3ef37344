/** Prints a story in the terminal and keeps it honest: each claim is compared with the counts of the servers. */
import { performance } from 'node:perf_hooks';
import type { Paint } from './paint.ts';

/** Numbers that only grow, by name. */
export type Facts<Names extends string> = Readonly<Record<Names, number>>;

export interface Chapter<Names extends string> {
  /** Counts of the servers since the chapter began. */
  facts(): Facts<Names>;
  say(text: string): void;
  /** Lines that belong together: a picture. */
  draw(lines: readonly string[]): void;
  /** States something; says so and remembers it when `actual` is not `expected`. */
  claim(text: string, actual: unknown, expected: unknown): void;
}

export interface StoryOptions<Names extends string> {
  /** The counters, all since the start. */
  readonly measure: () => Facts<Names>;
  /** The columns of the summary, and their headings. */
  readonly columns: Readonly<Record<Names, string>>;
  /** The columns in which nothing should stand. */
  readonly deadly: readonly NoInfer<Names>[];
  readonly write: (line: string) => void;
  readonly paint: Paint;
}

/** As wide as the time that stands before a chapter. */
const margin = ' '.repeat(11);

interface Row<Names extends string> {
  readonly title: string;
  readonly facts: Facts<Names>;
}

export class Story<Names extends string> {
  readonly #options: StoryOptions<Names>;
  readonly #start: number = performance.now();
  readonly #rows: Row<Names>[] = [];
  readonly #false: string[] = [];
  #claims = 0;

  constructor(options: StoryOptions<Names>) {
    this.#options = options;
  }

  open(title: string, lines: readonly (readonly [string, string])[]): void {
    const { paint } = this.#options;
    const width = Math.max(...lines.map(([name]) => name.length));
    this.#line('', `\n  ${paint.bold(title)}\n`);
    for (const [name, text] of lines) this.#line('', `  ${paint.dim(name.padEnd(width))}  ${text}`);
  }

  /** One scene. An error in it makes the story false, it does not end it. */
  async chapter(title: string, scene: (chapter: Chapter<Names>) => Promise<void>): Promise<void> {
    const { paint } = this.#options;
    const before = this.#options.measure();
    const facts = () => difference(this.#options.measure(), before);
    const number = this.#rows.length + 1;
    this.#line('', this.#rows.length > 0 ? `${margin}${paint.dim('│')}` : '');
    this.#line(this.#time(), `${paint.cyan('●')} ${paint.bold(`${number}  ${title}`)}`);
    try {
      await scene({
        facts,
        say: (text) => this.#line(this.#time(), `${paint.dim('│')}    ${paint.dim(text)}`),
        draw: (lines) => {
          for (const line of lines) this.#line('', `${margin}${paint.dim('│')}      ${paint.cyan(line)}`);
        },
        claim: (text, actual, expected) => this.#claim(text, actual, expected),
      });
    } catch (error) {
      this.#claims += 1;
      this.#fail(`${error}`);
    }
    this.#rows.push({ title: `${number}  ${title}`, facts: facts() });
  }

  /** The summary. Returns the exit code of the story: 0 if all of it was true. */
  close(): number {
    this.#table();
    const { paint } = this.#options;
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(1);
    const lies = this.#false.length;
    const verdict =
      lies === 0
        ? `${paint.green('✔')} ${paint.bold(`all ${this.#claims} claims hold`)}`
        : `${paint.red('✘')} ${paint.bold(`${lies} of ${this.#claims} claims are false`)}`;
    this.#line('', `  ${verdict}, ${seconds} s`);
    for (const claim of this.#false) this.#line('', `    ${paint.red(claim)}`);
    this.#line('', '');
    return lies === 0 ? 0 : 1;
  }

  /** Counts of the servers, chapter by chapter. */
  #table(): void {
    const { paint, columns, deadly } = this.#options;
    const names = Object.keys(columns) as Names[];
    const first = Math.max(...this.#rows.map(({ title }) => title.length));
    const width = (name: Names) => Math.max(columns[name].length, 3);
    const row = (title: string, cell: (name: Names) => string) =>
      this.#line('', `  ${[title.padEnd(first), ...names.map(cell)].join('  ')}`);
    const rule = () => row(paint.dim('─'.repeat(first)), (name) => paint.dim('─'.repeat(width(name))));

    this.#line('', '');
    row('', (name) => paint.dim(columns[name].padStart(width(name))));
    rule();
    for (const { title, facts } of this.#rows) {
      row(title, (name) => {
        const cell = `${facts[name] || '·'}`.padStart(width(name));
        return facts[name] && deadly.includes(name) ? paint.red(cell) : cell;
      });
    }
    rule();
  }

  #claim(text: string, actual: unknown, expected: unknown): void {
    const { paint } = this.#options;
    const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
    const line = `${text.padEnd(52)} ${paint.bold(spell(actual).padStart(4))}`;
    this.#claims += 1;
    if (is === should) this.#line('', `${margin}${paint.dim('│')}    ${paint.green('✔')} ${line}`);
    else
      this.#fail(`${text}: expected ${should}, it is ${is}`, `${line}   ${paint.red(`expected ${should}`)}`);
  }

  #fail(what: string, line: string = what): void {
    const { paint } = this.#options;
    this.#line('', `${margin}${paint.dim('│')}    ${paint.red('✘')} ${line}`);
    this.#false.push(`${this.#rows.length + 1}  ${what}`);
  }

  #time(): string {
    return this.#options.paint.dim(`${((performance.now() - this.#start) / 1000).toFixed(3).padStart(7)} s`);
  }

  #line(time: string, text: string): void {
    this.#options.write(time === '' ? text : `${time}  ${text}`);
  }
}

function spell(value: unknown): string {
  return Array.isArray(value)
    ? value.map(spell).join(', ')
    : typeof value === 'string'
      ? value
      : `${JSON.stringify(value)}`;
}

function difference<Names extends string>(now: Facts<Names>, before: Facts<Names>): Facts<Names> {
  const names = Object.keys(now) as Names[];
  const entries = names.map((name) => [name, now[name] - before[name]]);
  return Object.fromEntries(entries) as Facts<Names>;
}
