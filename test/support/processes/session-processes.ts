import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { bundledProgram } from './program.ts';
import type { Answer, Failure, OpenOptions } from './session-orders.ts';

const program = await bundledProgram(new URL('session-process.ts', import.meta.url));

/** A process with a session, seen from its parent. */
export class SessionProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #answers: Map<number, (answer: Answer) => void> = new Map();
  #points: string[] = [];
  #waiting: {
    readonly name: string;
    readonly resolve: () => void;
    readonly reject: (reason: Error) => void;
  }[] = [];
  #orders = 0;

  constructor() {
    this.child = spawn(process.execPath, [program], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.child.on('message', (message: Answer | { point: string }) => {
      if ('point' in message) return this.#reached(message.point);
      this.#answers.get(message.id)?.(message);
    });
    this.child.once('exit', (code, signal) =>
      this.#ended(`The process has ended, by ${signal ?? `code ${code}`}.`),
    );
  }

  /** The result of an action, or its error. */
  async outcome(action: string, options: object = {}): Promise<{ value?: unknown; error?: Failure }> {
    const id = ++this.#orders;
    const answer = new Promise<Answer>((resolve) => this.#answers.set(id, resolve));
    this.child.send({ id, action, options }, (error) => {
      if (error !== null) this.#ended(`The process takes no orders: ${error.message}`);
    });
    const { value, error } = await answer;
    return error === undefined ? { value } : { error };
  }

  async do(action: string, options: object = {}): Promise<unknown> {
    const { value, error } = await this.outcome(action, options);
    if (error) throw new Error(`${action}: ${error.code} ${error.reason ?? ''} ${error.message}`);
    return value;
  }

  open(options: OpenOptions): Promise<unknown> {
    return this.do('open', options);
  }

  /** Calls the API: the status, or the code of the error with its reason. */
  async call(options: { standsAt?: string } = {}): Promise<number | string> {
    this.#points = [];
    const { value, error } = await this.outcome('call', options);
    return error ? [error.code, error.reason].filter(Boolean).join(' ') : (value as number);
  }

  /** Resolves as soon as the process has come to this point since its last command to call. */
  reaches(name: string): Promise<void> {
    if (this.#points.includes(name)) return Promise.resolve();
    return new Promise((resolve, reject) => this.#waiting.push({ name, resolve, reject }));
  }

  #reached(point: string): void {
    this.#points.push(point);
    for (const { resolve } of this.#waiting.filter(({ name }) => name === point)) resolve();
    this.#waiting = this.#waiting.filter(({ name }) => name !== point);
  }

  /** Ends what waits for it at once, with the cause, also where nobody has killed it. */
  #ended(message: string): void {
    for (const [id, answer] of this.#answers) answer({ id, error: { code: 'gone', message } });
    for (const { reject, name } of this.#waiting)
      reject(new Error(`${message} It has not come to "${name}".`));
    this.#waiting = [];
  }

  stop(): void {
    this.child.kill('SIGSTOP');
  }

  continue(): void {
    this.child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
