/** One run: processes, a storage, a lock and a server under one schedule, in one kind of weather. */
import { type TokenLock, TokenManager, type TokenStorage } from '../../src/index.ts';
import { authorizationServer, type TestAuthorizationServer } from '../../src/testing/index.ts';
import type { Chance } from './chance.ts';
import { call, deed, type Place } from './deeds.ts';
import { Disk, type StoredRecord } from './disk.ts';
import { type LastWord, noteRevocations } from './endings.ts';
import { Facts, type Post } from './facts.ts';
import { Locks } from './locks.ts';
import { Network } from './network.ts';
import { errands, Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import { judgeReuse, judgeSend } from './spending.ts';
import { judgeReplay, judgeUse, storingLaws } from './storing.ts';
import { calm, type Deed, reuseWindow, type Weather } from './weather.ts';

/** What is put between a process and its storage or lock: nothing, unless something is broken on purpose. */
export interface Doubles {
  readonly storage?: (storage: TokenStorage, process: Process) => TokenStorage;
  readonly lock?: (lock: TokenLock, process: Process) => TokenLock;
}

interface Running {
  readonly process: Process;
  readonly root: TokenManager;
  readonly managers: ReadonlyMap<string, TokenManager>;
}

export class World {
  readonly facts: Facts;
  readonly server: TestAuthorizationServer;
  readonly #scheduler: Scheduler;
  #weather: Weather;
  readonly #doubles: Doubles;
  readonly #disk: Disk;
  readonly #locks: Locks;
  readonly #network: Network;
  readonly #running: (Running | undefined)[] = [];
  readonly #incarnations: number[] = [];
  readonly sessions: readonly string[];
  #logRead = 0;

  constructor(scheduler: Scheduler, weather: Weather, doubles: Doubles) {
    const { chance } = scheduler;
    this.#scheduler = scheduler;
    this.#weather = weather;
    this.#doubles = doubles;
    this.facts = new Facts(scheduler);
    this.sessions = Array.from({ length: weather.sessions }, (_, index) => `user${index}`);
    this.server = authorizationServer({
      clock: { now: () => scheduler.now },
      accessTokenLifetime: weather.accessTokenLifetime,
      profile: weather.profile === 'strict' ? 'strict' : { kind: 'leeway', ms: reuseWindow },
    });
    this.#disk = new Disk({
      scheduler,
      observer: storingLaws(this.facts),
      trouble: () => struck(chance, this.#weather.storage),
      describe: (record) => this.#describe(record),
    });
    this.#locks = new Locks(scheduler, weather);
    this.#network = new Network({
      ...{ scheduler, server: this.server, facts: this.facts },
      troubles: {
        post: () => struck(chance, this.#weather.post),
        api: () => struck(chance, this.#weather.api),
      },
      sends: (post) => judgeSend(this.facts, post, this.stored(post.token.family.session), weather.profile),
      arrived: (post) => this.#meddle(post),
      reused: (post) => judgeReuse(this.facts, post, weather.profile),
      calls: (path, accessToken) => this.#uses(path, accessToken),
    });
    for (let index = 0; index < weather.processes; index++) this.start(index);
  }

  stored = (session: string): StoredRecord | undefined => this.#disk.peek(`test-client/${session}`);

  /** No more trouble from now on: what lies down gets up. */
  clear(): void {
    this.#weather = { ...this.#weather, ...calm };
    for (const [index, running] of this.#running.entries()) if (running === undefined) this.start(index);
  }

  /** After each step: what others can see of it. */
  look(): void {
    this.#logRead = noteRevocations(this.facts, this.server, this.#logRead);
  }

  start(index: number): void {
    if (this.#running[index] !== undefined) return;
    const { chance } = this.#scheduler;
    const incarnation = (this.#incarnations[index] ?? 0) + 1;
    this.#incarnations[index] = incarnation;
    const { skew } = this.#weather;
    const process = new Process(this.#scheduler, {
      ...{ index, incarnation, skew: chance.between(-skew, skew) },
      peril: (one, label) => this.#peril(one, label),
    });
    this.#scheduler.note(`${process.name} starts`);
    const { storage = (one) => one, lock = (one) => one } = this.#doubles;
    const { metadata } = this.server;
    const reuse = this.#weather.profile === 'leeway' ? { profile: { reuseWindow } } : {};
    errands.run({ process }, () => {
      const root = new TokenManager({
        clientId: 'test-client',
        authorizationServer: { ...metadata, ...reuse },
        protectedResources: ['https://api.test/'],
        storage: storage(this.#disk.seenBy(process), process),
        lock: lock(this.#locks.seenBy(process), process),
        clock: process.clock,
        fetch: this.#network.seenBy(process),
      });
      root.on('persistFailed', ({ session }) => {
        this.facts.persistFailed.set(`${process.name} ${session}`, this.facts.tick());
      });
      root.on('sessionEnded', ({ session, error }) => {
        this.#scheduler.note(`${process.name} says that ${session} ended: ${error.reason}`);
        this.facts.ended.push({ process, session, reason: error.reason });
      });
      const managers = new Map(this.sessions.map((id) => [id, root.forSession(id)]));
      this.#running[index] = { process, root, managers };
    });
  }

  /** Somebody does something somewhere. */
  perform(kind: Deed): void {
    const { chance } = this.#scheduler;
    const session = chance.pick(this.sessions);
    if (kind === 'reject' || kind === 'steal' || kind === 'revoke') {
      this.#befall(kind, session);
      return;
    }
    const running = chance.pick(this.#running.filter((one) => one !== undefined));
    if (running === undefined || running.process.frozen) return;
    const place = this.#place(running, session);
    switch (kind) {
      case 'crash':
        this.crash(running.process);
        break;
      case 'freeze':
        running.process.freeze(this.#nap());
        break;
      case 'login':
        this.login(place);
        break;
      case 'signOut':
        void deed(this.facts, place, { kind, run: () => place.manager.signOut() });
        break;
      default:
        void call(this.facts, place, kind);
    }
  }

  /** What no process does. */
  #befall(kind: 'reject' | 'steal' | 'revoke', session: string): void {
    const record = this.stored(session);
    if (kind === 'steal') this.#locks.steal(`tokenkeep:test-client/${session}`);
    else if (kind === 'reject') {
      this.#scheduler.note('  server: rejects all access tokens');
      this.server.expire();
    } else if (record !== undefined) this.server.revokeFamily(record.refreshToken);
  }

  /** A user signs in, in one process or in whichever is first. */
  login(
    place: Place = this.#place(
      this.#running.find((one) => one !== undefined),
      this.sessions[0],
    ),
  ): void {
    const tokens = this.server.signIn({ subject: place.session });
    void deed(this.facts, place, {
      kind: 'login',
      run: (one) => {
        this.facts.issued(this.server, this.facts.login(one), undefined, tokens.access_token);
        return place.manager.setTokens(tokens);
      },
    });
  }

  loginEverywhere(): void {
    for (const session of this.sessions) this.login(this.#place(this.#running[0], session));
  }

  crash(process: Process): void {
    process.die();
    this.facts.died(process);
    this.#locks.died(process);
    this.#running[process.index] = undefined;
    const { chance } = this.#scheduler;
    this.#scheduler.after(chance.between(0, chance.pick([100, 30_000])), '', () => this.start(process.index));
  }

  /** Everyone asks for a token once more. */
  ask(words: LastWord[]): void {
    for (const running of this.#running) {
      if (running === undefined) continue;
      for (const session of this.sessions) {
        const { process, manager } = this.#place(running, session);
        const say = (token: string | undefined, error?: unknown) =>
          void words.push({ session, process: process.name, token, error });
        errands
          .run({ process }, () => manager.getAccessToken())
          .then(
            (token) => say(token),
            (error: unknown) => say(undefined, error),
          );
      }
    }
  }

  #place(running: Running | undefined, session: string | undefined): Place {
    const manager = running?.managers.get(session ?? '');
    if (running === undefined || session === undefined || manager === undefined)
      throw new Error('There is no such place.');
    return { process: running.process, session, manager };
  }

  #uses(path: string, accessToken: string): void {
    const one = this.facts.calls.get(path);
    if (one === undefined) return;
    one.sends += 1;
    judgeReplay(this.facts, one);
    judgeUse(this.facts, this.facts.accessTokens.get(accessToken), one);
  }

  /** Something strikes a process at the worst of times: while it holds a lock. */
  #peril(process: Process, label: string): void {
    const { chance } = this.#scheduler;
    const { crash, freeze } = this.#weather;
    const holds = this.sessions.some(
      (session) => this.#locks.holder(`tokenkeep:test-client/${session}`)?.process === process,
    );
    if (!holds || label.startsWith('calls')) return;
    if (chance.happens(crash)) this.crash(process);
    else if (chance.happens(freeze)) process.freeze(this.#nap());
  }

  /** A refresh token has just arrived at the server: somebody does something before the answer is there. */
  #meddle(_post: Post): void {
    const { chance } = this.#scheduler;
    const kind = struck(chance, this.#weather.meddling);
    if (kind !== undefined) this.#scheduler.after(chance.between(0, 400), '', () => this.perform(kind));
  }

  #nap(): number {
    const { chance } = this.#scheduler;
    const [least, most] = chance.pick([
      [50, 3_000],
      [10_000, 30_000],
      [25_000, 50_000],
      [40_000, 120_000],
    ] as const);
    return chance.between(least, most);
  }

  #describe(record: StoredRecord): string {
    const mark = record.spending === undefined ? '' : `, sent ${record.spending.sends}`;
    return `${this.server.idOf(record.refreshToken)}${mark}`;
  }
}

function struck<K extends string>(
  chance: Chance,
  rates: Readonly<Partial<Record<K, number>>>,
): K | undefined {
  for (const [name, rate] of Object.entries(rates) as [K, number][]) if (chance.happens(rate)) return name;
  return undefined;
}
