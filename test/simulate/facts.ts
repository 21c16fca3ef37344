/** Facts of a run, which no process in it knows: the owner of each token, and all requests, responses and writes. */
import type { LoginRequiredReason } from '../../src/index.ts';
import type { TestAuthorizationServer } from '../../src/testing/index.ts';
import type { Grant, Process } from './process.ts';
import type { Scheduler } from './scheduler.ts';

/** All tokens that descend from one login. */
export interface Family {
  readonly name: string;
  readonly session: string;
  readonly login: Deed;
  /** The visible user of the login: two logins count as the same user only if ID tokens show it. */
  readonly user: string;
  /** When it was first stored, in the order of the run. */
  storedAt: number | undefined;
  lastStoredAt: number;
  /** When it was last stored once more by its login, which could not know that it had been stored, and said so. */
  revivedAt: number | undefined;
  /** The highest generation that was stored since it was last deleted. */
  generation: number;
  /** The sign-out that has deleted it. */
  signedOut: Deed | undefined;
  /** It is dead at the server. */
  revoked: boolean;
  /** Why its session ended, once that is known. */
  end: string | undefined;
}

export interface RefreshToken {
  readonly name: string;
  readonly text: string;
  readonly family: Family;
  readonly generation: number;
  /** The request that brought it. */
  readonly parent: Post | undefined;
  /** In the order in which they left. */
  readonly posts: Post[];
  /** When a process has last marked it. */
  readonly marks: Map<Process, number>;
}

export interface AccessToken {
  readonly name: string;
  readonly text: string;
  readonly family: Family;
  /** In the order of the run. */
  readonly issuedAt: number;
  /** True time. */
  readonly since: number;
  stored: boolean;
}

/** A refresh token on its way to the server. */
export interface Post {
  readonly token: RefreshToken;
  readonly by: Process;
  readonly grant: Grant | undefined;
  /**
   * The sender's knowledge of it. `lost`: the sender died or has stopped waiting, and will never receive the
   * response.
   */
  outcome: 'pending' | 'granted' | 'dead' | 'refused' | 'unsent' | 'lost';
  /** How the response was lost. */
  how: string | undefined;
  /** The server has rotated. */
  committed: boolean;
  /** True time. */
  readonly sentAt: number;
  /** When its sender has marked it as being sent, in the order of the run. */
  readonly markedAt: number;
  /** Its lock was lost before it was handed to the network. */
  readonly isLate: boolean;
  /** When its successor was stored. */
  durableAt: number | undefined;
  /** A storage has failed to take the successor, or said so. */
  storageFailed: boolean;
}

export interface Deed {
  readonly kind: 'signOut' | 'login';
  readonly session: string;
  readonly process: Process;
  readonly startedAt: number;
  endedAt: number | undefined;
  error: unknown;
}

export interface Call {
  readonly kind: 'call' | 'token' | 'abortedCall';
  readonly session: string;
  readonly process: Process;
  readonly path: string;
  readonly startedAt: number;
  /** True time. */
  readonly since: number;
  /** The user under whose login it began, if its process knew one. */
  user: string | undefined;
  /** How often it was sent. */
  sends: number;
  outcome: 'status' | 'token' | 'error' | 'aborted' | undefined;
}

export interface Ended {
  readonly process: Process;
  readonly session: string;
  readonly reason: LoginRequiredReason;
}

export class Facts {
  readonly scheduler: Scheduler;
  readonly families: Family[] = [];
  readonly refreshTokens: Map<string, RefreshToken> = new Map();
  readonly accessTokens: Map<string, AccessToken> = new Map();
  /** Access tokens of which somebody knows that they were rejected. */
  readonly rejected: Set<string> = new Set();
  readonly calls: Map<string, Call> = new Map();
  readonly deeds: Deed[] = [];
  readonly ended: Ended[] = [];
  /** Families whose record a process has cleared because their grant was dead. */
  readonly cleared: { process: Process; family: Family }[] = [];
  /** When a process has last said that the storage refuses the tokens of a session: `p1.1 user0`. */
  readonly storeFailed: Map<string, number> = new Map();
  /** The user that a process last saw for a session: `p1.1 user0`. Absent: it knows no user, or received a change event. */
  readonly users: Map<string, string> = new Map();
  /** When a process last said that a session has ended: `p1.1 user0`. */
  readonly endedAt: Map<string, number> = new Map();
  /** The first law that was broken. */
  broken: string | undefined = undefined;
  #order = 0;

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler;
  }

  /** The order in which things happened, finer than time. */
  tick(): number {
    return ++this.#order;
  }

  break(law: string, what: string): void {
    this.scheduler.note(`BROKEN ${law}: ${what}`);
    this.broken ??= `${law}: ${what}`;
  }

  login(deed: Deed, subject: string | undefined): Family {
    const name = `family${this.families.length + 1}`;
    const family: Family = {
      name,
      user: subject ?? name,
      session: deed.session,
      login: deed,
      storedAt: undefined,
      lastStoredAt: 0,
      revivedAt: undefined,
      generation: 0,
      signedOut: undefined,
      revoked: false,
      end: undefined,
    };
    this.families.push(family);
    return family;
  }

  /** The newest tokens of a family, which the server has just issued. */
  issued(server: TestAuthorizationServer, family: Family, parent: Post | undefined, of: string): void {
    const refreshToken = server.currentRefreshToken(of) ?? '';
    const accessToken = server.currentAccessToken(of) ?? '';
    this.refreshTokens.set(refreshToken, {
      name: server.idOf(refreshToken) ?? '?',
      text: refreshToken,
      family,
      generation: parent === undefined ? 0 : parent.token.generation + 1,
      parent,
      posts: [],
      marks: new Map(),
    });
    this.accessTokens.set(accessToken, {
      name: server.idOf(accessToken) ?? '?',
      text: accessToken,
      family,
      issuedAt: this.tick(),
      since: this.scheduler.now,
      stored: false,
    });
  }

  /** All refresh tokens that a process has sent. */
  *postsOf(process: Process): Iterable<Post> {
    for (const { posts } of this.refreshTokens.values()) {
      for (const post of posts) if (post.by === process) yield post;
    }
  }

  /** No process will ever receive the responses to requests of a dead process, nor store them. */
  died(process: Process): void {
    for (const post of this.postsOf(process)) {
      if (post.outcome !== 'pending' && (post.outcome !== 'granted' || post.durableAt !== undefined))
        continue;
      post.outcome = 'lost';
      post.how = 'its sender died';
    }
  }
}
