import { expect, test } from 'vitest';
import type { Scenarios } from '../support/describe.ts';
import { type Media, openMedia } from '../support/media.ts';
import type { WorkerKind } from '../support/page/connected.ts';
import type { KeeperSetup } from '../support/page/keeper.ts';
import { Scene, type Tab, type World } from '../support/world.ts';

const workers: WorkerKind[] = ['shared worker', 'service worker', 'dedicated worker'];

/** A site whose tokens are kept by a worker, and its API. */
class Kept {
  readonly scene: Scene;
  readonly media: Media;
  readonly api: string;
  readonly #world: World;
  readonly #kind: WorkerKind;
  readonly #url: string;

  private constructor(on: { world: World; kind: WorkerKind; scene: Scene; media: Media }, url: string) {
    this.scene = on.scene;
    this.media = on.media;
    this.api = `${on.scene.listening.apiUrl}/orders`;
    this.#world = on.world;
    this.#kind = on.kind;
    this.#url = url;
  }

  static async open(
    world: World,
    kind: WorkerKind,
    given: Partial<KeeperSetup> = {},
    options?: Parameters<typeof Scene.open>[1],
  ): Promise<Kept> {
    const scene = await Scene.open('indexedDb', options);
    const media = await openMedia((token) => scene.server.isActive(token));
    const { url: issuer, apiUrl } = scene.listening;
    const setup: KeeperSetup = {
      issuer,
      session: scene.session,
      resources: [apiUrl, media.origin],
      storage: kind === 'shared worker' ? 'memory' : 'indexedDb',
      ...given,
    };
    const url = `/keeper.js?setup=${encodeURIComponent(JSON.stringify(setup))}`;
    return new Kept({ world, kind, scene, media }, url);
  }

  async tab(): Promise<Tab> {
    const tab = await this.#world.openTab();
    await tab.call('connect', this.#kind, this.#url);
    return tab;
  }

  /** Tabs of one session. The tokens of the login are fetched by the worker. */
  async tabs(count: number): Promise<[Tab, ...Tab[]]> {
    const first = await this.tab();
    await first.call('keptLogin', this.#world.site.hand(this.scene.login()));
    const tabs: [Tab, ...Tab[]] = [first];
    while (tabs.length < count) tabs.push(await this.tab());
    return tabs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#kind === 'service worker') await (await this.#world.openTab()).call('stop');
    await this.media[Symbol.asyncDispose]();
    await this.scene[Symbol.asyncDispose]();
  }
}

/** Tokens that a worker keeps. */
export const kept: Scenarios = (engine, world) => {
  test('BBA-06: script that looks everywhere in the page finds no token that a shared worker has in its memory', {
    timeout: 60_000,
  }, async () => {
    await using site = await Kept.open(world(), 'shared worker');
    const { server } = site.scene;
    const first = await world().openTab();
    await first.call('wipe');
    await first.call('spy');
    await first.call('plant', server.signIn().refresh_token ?? '');
    // The stored session that it would find.
    expect((await first.call('search')).places.sort()).toEqual([
      'globalThis.localStorage.planted',
      'globalThis.planted.deep<one><>.text',
      'localStorage',
    ]);
    await first.call('uproot');
    const [tab] = await site.tabs(1);
    await tab.call('spy');
    expect(await tab.call('keptCall', site.api, 3)).toEqual([expect.stringMatching(/^200 at/)]);
    server.expire();
    expect(await tab.call('keptCall', site.api, 3)).toEqual([expect.stringMatching(/^200 at/)]);
    expect(await tab.call('keptToken')).toBe('NotAllowedError');
    const found = await tab.call('search');
    expect(found.places).toEqual([]);
    expect(found.seen).toBeGreaterThan(2_000);
    expect(found.overheard).toBeGreaterThan(5);
    server.revokeFamily();
    server.expire();
    expect(await tab.call('keptCall', site.api)).toEqual(['ERR_LOGIN_REQUIRED invalid_grant']);
    expect((await tab.call('search')).places).toEqual([]);
  });

  test.each(['indexedDb', 'encrypted'] as const)(
    'BBA-08: what a service worker keeps in a database (%s) is not in the page, but script that opens the database reads it',
    { timeout: 60_000 },
    async (storage) => {
      await (await world().openTab()).call('wipe');
      await using site = await Kept.open(world(), 'service worker', { storage });
      const { server, session, listening } = site.scene;
      const [tab] = await site.tabs(1);
      expect(await tab.call('keptCall', site.api)).toEqual([expect.stringMatching(/^200 at/)]);
      const { places } = await tab.call('search');
      expect(places).toEqual(storage === 'encrypted' ? [] : ['indexedDB tokenkeep']);
      // An attacker has this library, too.
      const { url: issuer, apiUrl: api } = listening;
      await tab.call('open', { storage, session, issuer, api });
      expect((await tab.call('tokens'))?.refreshToken).toBe(server.currentRefreshToken());
    },
  );

  test.each(workers)(
    'BBA-06: 8 tabs of a %s at one expiry: 1 refresh, and a sign-out for all',
    {
      timeout: 60_000,
    },
    async (kind) => {
      await using site = await Kept.open(world(), kind);
      const { server } = site.scene;
      const tabs = await site.tabs(8);
      const before = await Promise.all(tabs.map((tab) => tab.call('keptCall', site.api)));
      expect(new Set(before.flat())).toEqual(new Set(['200 at1']));
      server.expire();
      const after = await Promise.all(tabs.map((tab) => tab.call('keptCall', site.api, 3)));
      expect(new Set(after.flat())).toEqual(new Set(['200 at2']));
      expect(server.counts).toMatchObject({
        refreshAttempts: 1,
        refreshes: 1,
        reuses: 0,
        familiesRevoked: 0,
      });
      // Of dedicated workers each tab has its own: one has refreshed, the others have found that out.
      const told = await Promise.all(tabs.map((tab) => tab.call('keptEvents')));
      const refreshed = told.filter((events) => events.includes('refreshed'));
      expect(refreshed).toHaveLength(kind === 'dedicated worker' ? 1 : 8);
      expect(await tabs[0].call('keptSignOut')).toEqual({ revoked: true });
      const gone = await Promise.all(tabs.map((tab) => tab.call('keptCall', site.api)));
      expect(new Set(gone.flat())).toEqual(new Set(['ERR_LOGIN_REQUIRED signed_out']));
      expect(server.counts).toMatchObject({ refreshAttempts: 1, revocations: 1 });
    },
  );

  // How a service worker is stopped is known to the driver of one engine only.
  const mortal: WorkerKind[] = [
    'dedicated worker',
    ...(engine === 'chromium' ? ['service worker' as const] : []),
  ];
  for (const kind of mortal) {
    const kill = async (tab: Tab): Promise<void> => {
      await (kind === 'dedicated worker' ? tab.call('terminate') : tab.stopServiceWorkers?.());
    };

    test(`law response-lost: a ${kind} is killed before it has sent the refresh token: the page asks the next one, which refreshes`, {
      timeout: 60_000,
    }, async () => {
      await using site = await Kept.open(world(), kind);
      const { server } = site.scene;
      const [tab] = await site.tabs(1);
      await kill(tab);
      server.expire();
      const hold = server.hold({ on: 'metadata' });
      const calling = tab.call('keptCall', site.api, 3);
      await hold.arrived();
      await kill(tab);
      await hold();
      expect(await calling).toEqual(['200 at2']);
      expect(server.counts).toMatchObject({
        refreshAttempts: 1,
        refreshes: 1,
        reuses: 0,
        familiesRevoked: 0,
      });
    });

    test(`law response-lost: a ${kind} is killed after it has sent the refresh token: the next one finds the marker, and uses the reuse window`, {
      timeout: 60_000,
    }, async () => {
      const profile = { kind: 'leeway', ms: 60_000 } as const;
      await using site = await Kept.open(world(), kind, { reuseWindow: 60_000 }, { profile });
      const { server } = site.scene;
      const [tab] = await site.tabs(1);
      expect(await tab.call('keptCall', site.api)).toEqual(['200 at1']);
      server.expire();
      const hold = server.hold({ commits: true });
      const calling = tab.call('keptCall', site.api, 3);
      await hold.arrived();
      await kill(tab);
      await hold();
      expect(await calling).toEqual(['200 at3']);
      expect(server.counts).toMatchObject({ refreshes: 1, replays: 1, reuses: 0, familiesRevoked: 0 });
    });
  }

  test('a service worker answers plain fetch, <img> and <video crossorigin>, and no frame', {
    timeout: 60_000,
  }, async () => {
    await using site = await Kept.open(world(), 'service worker');
    const { media, api } = site;
    const { server } = site.scene;
    const [tab] = await site.tabs(1);
    server.expire();
    const [plain, image, video] = await Promise.all([
      tab.call('plain', api),
      tab.call('image', `${media.origin}/picture`),
      tab.call('video', `${media.origin}/sound`, 1_500),
    ]);
    expect([plain.slice(0, 3), image, video], media.log.join('\n')).toEqual([
      '200',
      'load 3x2',
      'seeked 1500 of 2000',
    ]);
    expect(server.counts).toMatchObject({ refreshAttempts: 1, refreshes: 1, reuses: 0 });
    expect(media.log.filter((line) => !/ (?:good|bad)/.test(line))).toEqual([]);
    expect(media.log.some((line) => /sound good from [1-9]/.test(line))).toBe(true);
    await tab.call('frame', `${media.origin}/picture?frame`);
    expect(media.log.filter((line) => line.includes('frame'))).toEqual(['GET /picture?frame ']);
    await tab.call('keptSignOut');
    expect(await tab.call('plain', api)).toBe('TypeError');
    expect(await tab.call('image', `${media.origin}/picture?again`)).toBe('error 0x0');
  });

  test.each(workers)(
    'bodies come and go in pieces through a %s, and an abort goes across',
    {
      timeout: 60_000,
    },
    async (kind) => {
      await using site = await Kept.open(world(), kind);
      const { media } = site;
      const [tab] = await site.tabs(1);
      expect(await tab.call('keptRead', `${media.origin}/pieces`)).toBe('first');
      media.send('second');
      expect(await tab.call('keptReadOn')).toBe('second');
      expect(await tab.call('keptAbort')).toBe('enough');
      await media.left;
      const size = 5 * 1024 * 1024;
      const upload = `${media.origin}/upload`;
      const sent = { length: size, isAuthorized: true };
      expect(await tab.call('keptUpload', upload, 'blob', size)).toMatchObject(sent);
      expect(await tab.call('keptUpload', upload, 'stream', size)).toMatchObject(sent);
      expect(await tab.call('keptReadAll', `${media.origin}/large`)).toBe(32 * 1024 * 1024);
    },
  );

  test('a tab that closes takes its calls with it', { timeout: 60_000 }, async () => {
    await using site = await Kept.open(world(), 'shared worker');
    const [tab, other] = (await site.tabs(2)) as [Tab, Tab];
    await tab.call('keptRead', `${site.media.origin}/pieces`);
    await tab.close();
    await site.media.left;
    expect(await other.call('keptCall', site.api)).toEqual(['200 at1']);
  });
};
