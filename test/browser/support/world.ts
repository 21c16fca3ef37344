import type { TokenResponse } from 'tokenkeep';
import { authorizationServer, type ListeningServer, type TestAuthorizationServer } from 'tokenkeep/testing';
import { type DrivenBrowser, type DrivenTab, type Engine, openBrowser, type Suspension } from './browsers.ts';
import type { Commands } from './page/agent.ts';
import type { Setup, StorageName } from './page/commands.ts';
import { Remote } from './remote.ts';
import { openSite, type Site } from './site.ts';

/** One browser and one site, for all tests of a file. */
export interface World {
  readonly engine: Engine;
  readonly site: Site;
  /** A tab with a page that takes orders. */
  openTab(path?: string): Promise<Tab>;
  /** Closes all tabs. */
  closeTabs(): Promise<void>;
  close(): Promise<void>;
}

export async function openWorld(engine: Engine, preferences?: object): Promise<World> {
  const [site, browser] = await Promise.all([openSite(), openBrowser(engine, preferences)]);
  const tabs = new Set<Tab>();
  return {
    engine,
    site,
    async openTab(path = '/') {
      const tab = await Tab.open(browser, site, path);
      tabs.add(tab);
      return tab;
    },
    async closeTabs() {
      await Promise.all([...tabs].map((tab) => tab.close()));
      tabs.clear();
    },
    async close() {
      await browser.close();
      await site.close();
    },
  };
}

/** A page, or a worker, that takes orders. */
export class Agent {
  readonly remote: Remote;

  constructor(remote: Remote) {
    this.remote = remote;
  }

  call<Name extends keyof Commands>(
    name: Name,
    ...parameters: Parameters<Commands[Name]>
  ): Promise<Awaited<ReturnType<Commands[Name]>>> {
    return this.remote.call(name, ...parameters);
  }

  /** Runs a function in the page. It sees nothing of the test. */
  async run<T>(code: () => T | Promise<T>): Promise<T> {
    return (await this.remote.call('run', String(code))) as T;
  }
}

export class Tab extends Agent {
  readonly #driven: DrivenTab;
  readonly #site: Site;
  #isClosed = false;

  private constructor(driven: DrivenTab, remote: Remote, site: Site) {
    super(remote);
    this.#driven = driven;
    this.#site = site;
  }

  static async open(browser: DrivenBrowser, site: Site, path: string): Promise<Tab> {
    const remote = new Remote();
    const [driven, port] = await Promise.all([browser.newTab(), remote.open()]);
    const address = new URL(path, site.origin);
    address.searchParams.set('control', String(port));
    await driven.goto(address.href);
    const tab = new Tab(driven, remote, site);
    await tab.call('burn', 0); // it listens
    return tab;
  }

  /** Goes to another page, and leaves this one to the back/forward cache. Resolves with how to come back. */
  async leave(): Promise<() => void> {
    const { path, arrived, back } = this.#site.visit();
    await this.#driven.show();
    await this.call('leave', path);
    await arrived;
    return back;
  }

  async show(): Promise<void> {
    await this.#driven.show();
  }

  /** Its user clicks. */
  async click(selector: string): Promise<void> {
    await this.#driven.click(selector);
  }

  /** `undefined`: the driver of the engine cannot. */
  get setOffline(): ((isOffline: boolean) => Promise<void>) | undefined {
    return this.#driven.setOffline?.bind(this.#driven);
  }

  /** `undefined`: the driver of the engine cannot. */
  get stopServiceWorkers(): (() => Promise<void>) | undefined {
    return this.#driven.stopServiceWorkers?.bind(this.#driven);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#driven.close();
    await this.remote.close();
  }

  /** The state that its driver can read, also while the page is frozen. */
  async peek(expression: string): Promise<unknown> {
    return await this.#driven.evaluate(expression);
  }

  /** Its process dies. */
  async kill(): Promise<void> {
    await this.#driven.kill(() => void this.call('burn', 5_000));
  }

  /** Nothing of it runs any more. Resolves with how to wake it up. */
  async suspend(how: Suspension): Promise<() => Promise<void>> {
    return await this.#driven.suspend(how, () => void this.call('burn', 5_000));
  }
}

/** A server, and a session at it that all agents of a test share. */
export class Scene {
  static #count = 0;
  readonly server: TestAuthorizationServer;
  readonly listening: ListeningServer;
  readonly session: string = `session ${Scene.#count++} ${Date.now()}`;
  readonly #storage: StorageName;

  private constructor(server: TestAuthorizationServer, listening: ListeningServer, storage: StorageName) {
    this.server = server;
    this.listening = listening;
    this.#storage = storage;
  }

  static async open(
    storage: StorageName,
    options?: Parameters<typeof authorizationServer>[0],
  ): Promise<Scene> {
    const server = authorizationServer(options);
    return new Scene(server, await server.listen(), storage);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.listening.close();
  }

  /** Opens the manager of an agent. */
  async join(agent: Agent, setup: Partial<Setup> = {}): Promise<void> {
    const { url: issuer, apiUrl: api } = this.listening;
    await agent.call('open', { storage: this.#storage, session: this.session, issuer, api, ...setup });
  }

  /** Tokens of a new login, bound to a key if one is named. */
  login(jkt?: string): TokenResponse {
    const tokens = this.server.signIn({ issuer: this.listening.url, ...(jkt !== undefined && { jkt }) });
    return jkt === undefined ? tokens : { ...tokens, dpop_jkt: jkt };
  }
}
