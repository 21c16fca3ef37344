/** A guide's program, started as its user starts it: a process of its own, with pipes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** So that only the first of many processes compiles all modules. */
const cache = fileURLToPath(new URL('../../../../node_modules/.vite/compile-cache', import.meta.url));

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export class Program implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  #stdout = '';
  #stderr = '';
  readonly #lines: string[] = [];
  readonly #listeners: Set<() => void> = new Set();

  constructor(parameters: readonly string[], env: Readonly<Record<string, string>>) {
    const child = spawn(process.execPath, parameters, {
      env: { ...process.env, NODE_COMPILE_CACHE: cache, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    running.add(child);
    child.stdout.on('data', (chunk) => {
      this.#stdout += chunk;
    });
    child.stderr.on('data', (chunk) => {
      this.#stderr += chunk;
    });
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input }).on('line', (line) => {
        this.#lines.push(line);
        for (const listener of this.#listeners) listener();
      });
    }
    this.ended = once(child, 'close').then(([code, signal]) => {
      running.delete(child);
      return { code, signal, stdout: this.#stdout, stderr: this.#stderr };
    });
  }

  /** Its output so far, on stdout or stderr. */
  lines(what: RegExp): string[] {
    return this.#lines.filter((line) => what.test(line));
  }

  /** The line with which it has said so for the `count`th time. Rejects when the program ends without it. */
  async says(what: RegExp, count = 1): Promise<string> {
    const found = Promise.withResolvers<string>();
    const look = (): void => {
      const line = this.lines(what)[count - 1];
      if (line !== undefined) found.resolve(line);
    };
    this.#listeners.add(look);
    look();
    void this.ended.then(({ stderr }) =>
      found.reject(new Error(`It ended without saying ${what}: ${stderr}`)),
    );
    try {
      return await found.promise;
    } finally {
      this.#listeners.delete(look);
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ended> {
    this.child.kill(signal);
    return await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
