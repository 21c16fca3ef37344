import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { DrivenBrowser, DrivenTab, Key, Suspension } from './browsers.ts';
import { busiest } from './processes.ts';

const miniBrowser = '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser';

/** WebKitGTK's MiniBrowser on a display of its own, over plain WebDriver. */
export async function openWebKit(): Promise<DrivenBrowser> {
  const { server: display, number } = await openDisplay();
  let session = Session.open(number);
  // A web process that is killed takes its session along.
  const living = async (last: Session): Promise<Session> => {
    if (!last.isOver) return last;
    await last.close();
    return await Session.open(number);
  };
  return {
    async newTab() {
      session = session.then(living);
      return await (await session).newTab();
    },
    async close() {
      await (await session).close();
      display.kill();
      await once(display, 'exit');
    },
  };
}

async function openDisplay(): Promise<{ server: ChildProcess; number: string }> {
  const options = ['-displayfd', '3', '-screen', '0', '1280x800x24', '-nolisten', 'tcp'];
  const server = spawn('/usr/bin/Xvfb', options, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const [number] = await once(server.stdio[3] as Readable, 'data');
  return { server, number: String(number).trim() };
}

/** A WebDriver session: takes one command at a time. */
class Session {
  readonly driver: ChildProcess;
  readonly #url: string;
  #last: Promise<unknown> = Promise.resolve();
  #home: Promise<unknown> | undefined;
  /** The tab that commands go to. */
  #current: string | undefined;
  isOver = false;

  private constructor(driver: ChildProcess, url: string) {
    this.driver = driver;
    this.#url = url;
  }

  static async open(display: string): Promise<Session> {
    const port = await freePort();
    const env = {
      ...process.env,
      DISPLAY: `:${display}`,
      LIBGL_ALWAYS_SOFTWARE: '1',
      WEBKIT_DISABLE_COMPOSITING_MODE: '1',
    };
    const driver = spawn('/usr/bin/WebKitWebDriver', [`--port=${port}`], { env, stdio: 'ignore' });
    const base = `http://127.0.0.1:${port}`;
    while (
      !(await fetch(`${base}/status`).then(
        ({ ok }) => ok,
        () => false,
      ))
    )
      await pause(20);
    const capabilities = {
      alwaysMatch: {
        browserName: 'MiniBrowser',
        'webkitgtk:browserOptions': { binary: miniBrowser, args: ['--automation'] },
      },
    };
    const { sessionId } = (await command(`${base}/session`, 'POST', { capabilities })) as {
      sessionId: string;
    };
    return new Session(driver, `${base}/session/${sessionId}`);
  }

  async newTab(): Promise<DrivenTab> {
    // Out of the window that is there from the start, which stays: a session ends with its last one.
    this.#home ??= this.send('GET', 'window');
    const open = async () => {
      const opened = await this.send('POST', 'window/new', { type: 'tab' });
      this.#current = undefined; // the new one is in the foreground
      return opened;
    };
    const { handle } = (await this.in((await this.#home) as string, open)) as { handle: string };
    return new WebKitTab(this, handle);
  }

  /** Commands of one tab belong together: the session has one current window. Switching to it takes the focus out of its frames. */
  async in(handle: string, commands: () => Promise<unknown>): Promise<unknown> {
    const before = this.#last;
    const mine = before
      .catch(() => undefined)
      .then(async () => {
        if (this.#current !== handle) await this.switchTo(handle);
        return await commands();
      });
    this.#last = mine;
    return await mine;
  }

  /** Brings a tab to the foreground. */
  async switchTo(handle: string): Promise<void> {
    await this.send('POST', 'window', { handle });
    this.#current = handle;
  }

  async closeWindow(): Promise<void> {
    await this.send('DELETE', 'window');
    this.#current = undefined;
  }

  async send(method: string, path: string, body?: object): Promise<unknown> {
    return await command(`${this.#url}/${path}`, method, body);
  }

  async close(): Promise<void> {
    if (!this.isOver) await command(this.#url, 'DELETE').catch(() => undefined);
    if (this.driver.exitCode !== null) return;
    this.driver.kill();
    await once(this.driver, 'exit');
  }
}

/** The names of WebDriver for them. */
const keys: Record<Key, string> = { Tab: '\uE004', Enter: '\uE007', Space: ' ' };

class WebKitTab implements DrivenTab {
  readonly #session: Session;
  readonly #handle: string;

  constructor(session: Session, handle: string) {
    this.#session = session;
    this.#handle = handle;
  }

  async goto(url: string): Promise<void> {
    await this.#session.in(this.#handle, () => this.#session.send('POST', 'url', { url }));
  }

  async evaluate(expression: string): Promise<unknown> {
    const run = `(async () => (${expression}))()`;
    const script = `const [say] = arguments; ${run}.then((value) => say({ value }), (error) => say({ error: String(error) }));`;
    const execute = () => this.#session.send('POST', 'execute/async', { script, args: [] });
    const { value, error } = (await this.#session.in(this.#handle, execute)) as {
      value?: unknown;
      error?: string;
    };
    if (error !== undefined) throw new Error(error);
    return value;
  }

  async press(key: Key): Promise<void> {
    const strokes = ['keyDown', 'keyUp'].map((type) => ({ type, value: keys[key] }));
    const actions = [{ type: 'key', id: 'keyboard', actions: strokes }];
    await this.#session.in(this.#handle, () => this.#session.send('POST', 'actions', { actions }));
  }

  async show(): Promise<void> {
    await this.#session.in(this.#handle, () => this.#session.switchTo(this.#handle));
  }

  async click(selector: string): Promise<void> {
    await this.#session.in(this.#handle, async () => {
      const found = await this.#session.send('POST', 'element', { using: 'css selector', value: selector });
      const [element] = Object.values(found as Record<string, string>);
      await this.#session.send('POST', `element/${element}/click`);
    });
  }

  async close(): Promise<void> {
    if (this.#session.isOver) return;
    await this.#session.in(this.#handle, () => this.#session.closeWindow());
  }

  async kill(busy: () => void): Promise<void> {
    const pid = await this.#process(busy);
    this.#session.isOver = true;
    process.kill(pid, 'SIGKILL');
  }

  async suspend(_how: Suspension, busy: () => void): Promise<() => Promise<void>> {
    const pid = await this.#process(busy);
    process.kill(pid, 'SIGSTOP');
    return async () => void process.kill(pid, 'SIGCONT');
  }

  async #process(busy: () => void): Promise<number> {
    const { pid } = this.#session.driver;
    if (pid === undefined) throw new Error('The browser is gone.');
    return await busiest(pid, busy);
  }
}

async function command(url: string, method: string, body?: object): Promise<unknown> {
  const payload = method === 'POST' ? { body: JSON.stringify(body ?? {}) } : {};
  const response = await fetch(url, { method, ...payload });
  const { value } = (await response.json()) as { value: { error?: string; message?: string } };
  if (!response.ok)
    throw new Error(`WebDriver ${method} ${new URL(url).pathname}: ${value.error} ${value.message}`);
  return value;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
