/** Tells a story in the terminal and keeps it honest: what is claimed is compared with what the servers counted. */
import { performance } from 'node:perf_hooks';
import type { Paint } from './paint.ts';

/** Numbers that only grow, by name. */
export type Facts = Readonly<Record<string, number>>;

export interface Chapter {
  /** What the servers have counted since the chapter began. */
  facts(): Facts;
  say(text: string): void;
  /** Lines that belong together: a picture. */
  draw(lines: readonly string[]): void;
  /** States something; says so and remembers it when `actual` is not `expected`. */
  claim(text: string, actual: unknown, expected: unknown): void;
}

export interface StoryOptions<Names extends string> {
  /** The counters, all since the start. */
  readonly measure: () => Readonly<Record<Names, number>>;
  /** The columns of the summary, and their headings. */
  readonly columns: Readonly<Record<Names, string>>;
  readonly write: (line: string) => void;
  readonly paint: Paint;
}

/** As wide as the time that stands before a chapter. */
const margin = ' '.repeat(11);

interface Row {
  readonly title: string;
  readonly facts: Facts;
}

export class Story<Names extends string> {
  readonly #options: StoryOptions<Names>;
  readonly #start: number = performance.now();
  readonly #rows: Row[] = [];
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
  async chapter(title: string, scene: (chapter: Chapter) => Promise<void>): Promise<void> {
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
      this.#claim(
        'the chapter comes to its end',
        error instanceof Error ? `${error.name}: ${error.message}` : error,
        'an end',
      );
    }
    this.#rows.push({ title: `${number}  ${title}`, facts: facts() });
  }

  /** The summary. Returns the exit code of the story: 0 if all of it was true. */
  close(): number {
    const { paint, columns } = this.#options;
    const names = Object.keys(columns) as Names[];
    const title = Math.max(...this.#rows.map((row) => row.title.length), 5);
    const cells = (values: readonly string[]) =>
      values.map((value, index) => value.padStart(widthOf(columns, names[index])));
    const rule = paint.dim(
      `  ${'─'.repeat(title)}${names.map((name) => `──${'─'.repeat(widthOf(columns, name))}`).join('')}`,
    );

    this.#line(
      '',
      `\n  ${paint.dim([' '.repeat(title), ...cells(names.map((name) => columns[name]))].join('  '))}`,
    );
    this.#line('', rule);
    for (const row of this.#rows) {
      const values = cells(names.map((name) => `${row.facts[name] || '·'}`));
      this.#line('', `  ${[row.title.padEnd(title), ...values].join('  ')}`);
    }
    this.#line('', rule);
    const seconds = ((performance.now() - this.#start) / 1000).toFixed(1);
    if (this.#false.length === 0) {
      this.#line(
        '',
        `  ${paint.green('✔')} ${paint.bold(`all ${this.#claims} claims hold`)}, ${seconds} s\n`,
      );
      return 0;
    }
    this.#line(
      '',
      `  ${paint.red('✘')} ${paint.bold(`${this.#false.length} of ${this.#claims} claims are false`)}, ${seconds} s`,
    );
    for (const claim of this.#false) this.#line('', `    ${paint.red(claim)}`);
    this.#line('', '');
    return 1;
  }

  #claim(text: string, actual: unknown, expected: unknown): void {
    const { paint } = this.#options;
    const [is, should] = [JSON.stringify(actual), JSON.stringify(expected)];
    const holds = is === should;
    const mark = holds ? paint.green('✔') : paint.red('✘');
    const value = typeof actual === 'string' ? actual : is;
    const but = holds ? '' : paint.red(`   expected ${should}`);
    this.#line(
      '',
      `${margin}${paint.dim('│')}    ${mark} ${text.padEnd(52)} ${paint.bold(`${value}`.padStart(4))}${but}`,
    );
    this.#claims += 1;
    if (!holds) this.#false.push(`${this.#rows.length + 1}  ${text}: expected ${should}, it is ${is}`);
  }

  #time(): string {
    return this.#options.paint.dim(`${((performance.now() - this.#start) / 1000).toFixed(3).padStart(7)} s`);
  }

  #line(time: string, text: string): void {
    this.#options.write(time === '' ? text : `${time}  ${text}`);
  }
}

function difference<Names extends string>(
  now: Readonly<Record<Names, number>>,
  before: Readonly<Record<Names, number>>,
): Facts {
  const names = Object.keys(now) as Names[];
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]]));
}

function widthOf(columns: Readonly<Record<string, string>>, name = ''): number {
  return Math.max(columns[name]?.length ?? 0, 3);
}
