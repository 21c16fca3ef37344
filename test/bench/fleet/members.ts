/** The processes of a fleet, seen from their parent. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Actions, Order, Report } from './member.ts';

export class Member implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #waiting: Map<number, (report: Report) => void> = new Map();
  #orders = 0;

  constructor() {
    this.#child = fork(new URL('member.ts', import.meta.url), { execArgv: [] });
    this.#child.on('message', (report: Report) => this.#waiting.get(report.id)?.(report));
  }

  async do<Name extends keyof Actions>(
    action: Name,
    ...parameters: Parameters<Actions[Name]>
  ): Promise<Awaited<ReturnType<Actions[Name]>>> {
    const id = ++this.#orders;
    const reported = new Promise<Report>((resolve) => this.#waiting.set(id, resolve));
    this.#child.send({ id, action, parameters } satisfies Order);
    const { value, error } = await reported;
    this.#waiting.delete(id);
    if (error !== undefined) throw new Error(`${action}: ${error}`);
    return value as Awaited<ReturnType<Actions[Name]>>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exit = once(this.#child, 'exit');
    this.#child.kill();
    await exit;
  }
}

/** So many of them; they end with the block that they are for. */
export function members(count: number): { readonly all: Member[] } & AsyncDisposable {
  const all = Array.from({ length: count }, () => new Member());
  return {
    all,
    async [Symbol.asyncDispose]() {
      await Promise.all(all.map((one) => one[Symbol.asyncDispose]()));
    },
  };
}
