/** One run: processes, a storage, a lock and a server under one schedule, in one kind of weather. */
import { authorizationServer, type TestAuthorizationServer } from '../../src/testing/index.ts';
import type { Chance } from './chance.ts';
import { call, deed, type Place } from './deeds.ts';
import { Disk, type StoredRecord } from './disk.ts';
import { judgeSignOut, type LastWord, noteRevocations } from './endings.ts';
import { Facts } from './facts.ts';
import { type Doubles, Fleet } from './fleet.ts';
import { Locks } from './locks.ts';
import { Network } from './network.ts';
import { errands, type Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';
import { judgeReuse, judgeSend } from './spending.ts';
import { judgeReplay, judgeUse, storingLaws } from './storing.ts';
import { calm, type Deed, naps, reuseWindow, type Weather } from './weather.ts';

const lockOf = (session: string) => `tokenkeep:test-client/${session}`;

export class World {
  readonly facts: Facts;
  readonly server: TestAuthorizationServer;
  readonly #scheduler: Scheduler;
  #weather: Weather;
  readonly #disk: Disk;
  readonly #locks: Locks;
  readonly #network: Network;
  readonly #fleet: Fleet;
  readonly #sessions: readonly string[];
  #logRead = 0;

  constructor(scheduler: Scheduler, weather: Weather, doubles: Doubles) {
    this.#scheduler = scheduler;
    this.#weather = weather;
    this.facts = new Facts(scheduler);
    this.#sessions = Array.from({ length: weather.sessions }, (_, index) => `user${index}`);
    this.server = authorizationServer({
      clock: { now: () => scheduler.now },
      accessTokenLifetime: weather.accessTokenLifetime,
      profile: weather.profile === 'strict' ? 'strict' : { kind: 'leeway', ms: reuseWindow },
    });
    this.#disk = this.#newDisk();
    this.#locks = new Locks(scheduler, weather);
    this.#network = this.#newNetwork();
    this.#fleet = this.#newFleet(doubles);
    this.#fleet.startAll();
  }

  stored = (session: string): StoredRecord | undefined => this.#disk.peek(`test-client/${session}`);

  /** No more trouble from now on: what lies down gets up. */
  clear(): void {
    this.#weather = { ...this.#weather, ...calm };
    this.#fleet.startAll();
  }

  /** After each step: what others can see of it. */
  look(): void {
    this.#logRead = noteRevocations(this.facts, this.server, this.#logRead);
  }

  /** Somebody does something somewhere. */
  perform(kind: Deed): void {
    const { chance } = this.#scheduler;
    if (kind === 'reject' || kind === 'steal' || kind === 'revoke') {
      this.#befall(kind, chance.pick(this.#sessions));
      return;
    }
    const place = chance.pick(this.#fleet.places);
    if (place === undefined || place.process.frozen) return;
    switch (kind) {
      case 'crash':
        this.#crash(place.process);
        break;
      case 'freeze':
        this.#freeze(place.process);
        break;
      case 'login':
        this.#login(place);
        break;
      case 'signOut':
        void deed(this.facts, place, {
          kind,
          run: async (one) => judgeSignOut(this.facts, this.server, one, await place.manager.signOut()),
        });
        break;
      default:
        void call(this.facts, place, kind);
    }
  }

  /** Each session begins, all in one process. */
  begin(): void {
    for (const place of this.#fleet.places) if (place.process.index === 0) this.#login(place);
  }

  /** Everyone calls the API and asks for a token once more. */
  ask(words: LastWord[]): void {
    for (const { process, session, manager } of this.#fleet.places) {
      const say = (word: Pick<LastWord, 'token' | 'status' | 'error'>) =>
        void words.push({ session, process: process.name, ...word });
      const ask = async () => {
        const { status } = await manager.fetch('https://api.test/last');
        say({ token: await manager.getAccessToken(), status, error: undefined });
      };
      errands
        .run({ process }, ask)
        .catch((error: unknown) => say({ token: undefined, status: undefined, error }));
    }
  }

  /** Actions outside of the processes. */
  #befall(kind: 'reject' | 'steal' | 'revoke', session: string): void {
    const record = this.stored(session);
    if (kind === 'steal') this.#locks.steal(lockOf(session));
    else if (kind === 'reject') {
      this.#scheduler.note('  server: rejects all access tokens');
      this.server.expire();
    } else if (record !== undefined) this.server.revokeFamily(record.refreshToken);
  }

  #login(place: Place): void {
    const { users, identified } = this.#weather;
    const subject = `${place.session}-${this.#scheduler.chance.between(1, users)}`;
    const scope = ['read', 'write', ...(identified ? ['openid'] : [])];
    const tokens = this.server.signIn({ subject, scope });
    void deed(this.facts, place, {
      kind: 'login',
      run: (one) => {
        const family = this.facts.login(one, identified ? subject : undefined);
        this.facts.issued(this.server, family, undefined, tokens.access_token);
        return place.manager.setTokens(tokens);
      },
    });
  }

  #crash(process: Process): void {
    this.#fleet.crash(process);
    this.#locks.died(process);
  }

  #freeze(process: Process): void {
    const { chance } = this.#scheduler;
    const [least, most] = chance.pick<readonly [number, number]>(naps);
    process.freeze(chance.between(least, most));
  }

  /** Something strikes a process at the worst of times: while it holds a lock. */
  #peril(process: Process, label: string): void {
    const { chance } = this.#scheduler;
    const { crash, freeze } = this.#weather;
    const holds = this.#sessions.some((session) => this.#locks.holder(lockOf(session))?.process === process);
    if (!holds || label.startsWith('calls')) return;
    if (chance.happens(crash)) this.#crash(process);
    else if (chance.happens(freeze)) this.#freeze(process);
  }

  /** A refresh token has just arrived at the server: somebody does something before the answer is there. */
  #meddle(): void {
    const { chance } = this.#scheduler;
    const kind = struck(chance, this.#weather.meddling);
    if (kind !== undefined) this.#scheduler.after(chance.between(0, 400), '', () => this.perform(kind));
  }

  #uses(path: string, accessToken: string): void {
    const one = this.facts.calls.get(path);
    if (one === undefined) return;
    one.sends += 1;
    judgeReplay(this.facts, one);
    judgeUse(this.facts, this.facts.accessTokens.get(accessToken), one);
  }

  #newDisk(): Disk {
    const scheduler = this.#scheduler;
    return new Disk({
      scheduler,
      observer: storingLaws(this.facts),
      trouble: () => struck(scheduler.chance, this.#weather.storage),
      describe: ({ refreshToken, pendingRefresh }) =>
        `${this.server.idOf(refreshToken)}${pendingRefresh === undefined ? '' : `, sent ${pendingRefresh.sends}`}`,
    });
  }

  #newNetwork(): Network {
    const scheduler = this.#scheduler;
    const { profile } = this.#weather;
    return new Network({
      ...{ scheduler, server: this.server, facts: this.facts },
      troubles: {
        post: () => struck(scheduler.chance, this.#weather.post),
        api: () => struck(scheduler.chance, this.#weather.api),
      },
      lag: () => this.#weather.lag,
      sends: (post) => judgeSend(this.facts, post, this.stored(post.token.family.session), this.#weather),
      arrived: () => this.#meddle(),
      reused: (post) => judgeReuse(this.facts, post, profile),
      calls: (path, accessToken) => this.#uses(path, accessToken),
    });
  }

  #newFleet({ storage = (one) => one, lock = (one) => one, fetch = (one) => one }: Doubles): Fleet {
    const { processes, skew, profile } = this.#weather;
    const { metadata } = this.server;
    const declared = profile === 'leeway' ? { profile: { reuseWindow } } : {};
    return new Fleet(processes, {
      ...{ scheduler: this.#scheduler, facts: this.facts, sessions: this.#sessions, skew },
      peril: (process, label) => this.#peril(process, label),
      settings: (process) => ({
        authorizationServer: { ...metadata, ...declared },
        storage: storage(this.#disk.seenBy(process), process),
        lock: lock(this.#locks.seenBy(process), process),
        clock: process.clock,
        fetch: fetch(this.#network.seenBy(process)),
      }),
    });
  }
}

function struck<K extends string>(
  chance: Chance,
  rates: Readonly<Partial<Record<K, number>>>,
): K | undefined {
  for (const [name, rate] of Object.entries(rates) as [K, number][]) if (chance.happens(rate)) return name;
  return undefined;
}
