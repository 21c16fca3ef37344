/** The guide, started as its user does, but for Electron. */
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import puppeteer, { type Browser } from 'puppeteer-core';
import type { ExampleServer } from '../../../../../examples/server/server.ts';
import type { Order } from './run.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Parts that all copies of the application share: its built files, and a Chromium. */
export interface Installed extends AsyncDisposable {
  readonly folder: string;
  /** The output of the build. */
  readonly said: string;
  /** Starts a copy. Those with the same `userData` are of one user. */
  start(userData: string, env?: Record<string, string>): Promise<Application>;
}

export async function install({ server, api }: ExampleServer): Promise<Installed> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-electron-guide-'));
  const env = { ...process.env, ISSUER: server.issuer, API: api };
  const build = [here('../../../../../examples/electron/build.ts'), join(folder, 'out')];
  const [browser, { stdout, stderr }] = await Promise.all([
    openChromium(),
    promisify(execFile)(process.execPath, build, { env }),
  ]);
  const running = new Set<Application>();
  return {
    folder,
    said: stdout + stderr,
    async start(userData, more = {}) {
      const one = new Application(join(folder, 'out', 'main.mjs'), {
        ...env,
        ...more,
        ELECTRON_USER_DATA: join(folder, userData),
        ELECTRON_CHROMIUM: browser.wsEndpoint(),
      });
      running.add(one);
      return one;
    },
    async [Symbol.asyncDispose]() {
      for (const one of running) one.kill();
      await browser.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function openChromium(): Promise<Browser> {
  return puppeteer.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-quic', '--no-first-run', '--disable-background-networking'],
  });
}

/** A running copy. Its windows are numbered. */
export class Application {
  readonly exited: Promise<number | null>;
  readonly #process: ReturnType<typeof fork>;
  readonly #answers: Map<number, (answer: { value?: unknown; error?: string }) => void> = new Map();
  #orders = 0;
  #errors = '';

  constructor(main: string, env: NodeJS.ProcessEnv) {
    this.#process = fork(here('./run.ts'), [main], { env, stdio: ['ignore', 'inherit', 'pipe', 'ipc'] });
    this.#process.stderr?.on('data', (text) => {
      this.#errors += text;
    });
    this.#process.on('message', ({ id, ...answer }: { id: number }) => this.#answers.get(id)?.(answer));
    this.exited = once(this.#process, 'exit').then(([code]) => code as number | null);
  }

  /** Its warnings and errors. */
  get errors(): string {
    return this.#errors;
  }

  windows = async (): Promise<number> => (await this.#order({ type: 'windows' })) as number;
  isEnding = (): Promise<unknown> => this.#order({ type: 'isEnding' });
  crossed = async (window = 0): Promise<string[]> =>
    (await this.#order({ type: 'crossed', window })) as string[];
  judged = (window = 0): Promise<unknown> => this.#order({ type: 'judged', window });
  evaluate = (text: string, window = 0): Promise<unknown> => this.#order({ type: 'evaluate', text, window });
  click = (selector: string, window = 0): Promise<unknown> =>
    this.evaluate(`document.querySelector('${selector}').click()`, window);
  close = (window = 0): Promise<unknown> => this.#order({ type: 'close', window });
  /** As its user quits it. It may be gone before it has an answer. */
  quit = (): void => void this.#order({ type: 'quit' }).catch(() => undefined);

  /** The text of the page; empty while it is loading. */
  async status(window = 0): Promise<string> {
    const text = "document.querySelector('#status')?.textContent";
    return String(await this.evaluate(text, window).catch(() => ''));
  }

  kill(): void {
    this.#process.kill('SIGKILL');
  }

  async #order(order: Omit<Order, 'id'>): Promise<unknown> {
    const id = this.#orders++;
    const answered = new Promise<{ value?: unknown; error?: string }>((resolve) =>
      this.#answers.set(id, resolve),
    );
    // One that is just ending takes no orders. Without a callback that would be an error outside of the test.
    this.#process.send({ id, ...order }, (error) => {
      if (error !== null) this.#answers.get(id)?.({ error: `It takes no orders: ${error.message}` });
    });
    const gone = this.exited.then((code) => ({
      value: undefined,
      error: `It has exited: ${code} ${this.#errors}`,
    }));
    const { value, error } = await Promise.race([answered, gone]);
    if (error !== undefined) throw new Error(error);
    return value;
  }
}
