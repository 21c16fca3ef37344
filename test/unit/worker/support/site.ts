/** A site: a worker that serves a manager, and pages that are connected to it. */
import {
  type ConnectedTokenManager,
  type ConnectTokenManagerOptions,
  connectTokenManager,
  type ServedTokenManager,
  type ServeTokenManagerOptions,
  serveTokenManager,
} from 'tokenkeep/worker';
import { vi } from 'vitest';
import { BareManager as BareManagerOfAll } from '../../../support/bare-manager.ts';
import { LocksDouble } from './locks-double.ts';
import { type Kind, WorkerDouble } from './workers-double.ts';

export interface Site {
  readonly locks: LocksDouble;
  /** The workers that were started, one after the other. */
  readonly workers: WorkerDouble[];
  readonly worker: WorkerDouble;
  readonly stop: () => void;
  open(options?: Partial<ConnectTokenManagerOptions>): ConnectedTokenManager;
  /** The worker that is there dies; the next page that asks has a new one. */
  kill(): void;
}

/** @param managerOf makes the manager of each worker that is started. */
export function site(
  managerOf: () => ServedTokenManager,
  options: Partial<ServeTokenManagerOptions> = {},
  kind: Kind = 'dedicated',
): Site {
  const locks = new LocksDouble();
  vi.stubGlobal('navigator', { locks });
  vi.stubGlobal('location', { origin: 'https://app.test', href: 'https://app.test/' });
  const workers: WorkerDouble[] = [];
  let stop = (): void => undefined;
  const start = (): WorkerDouble => {
    const worker = new WorkerDouble(kind);
    workers.push(worker);
    stop = serveTokenManager({
      manager: managerOf(),
      protectedResources: ['https://api.test/'],
      scope: worker.scope,
      ...options,
    });
    return worker;
  };
  start();
  const latest = (): WorkerDouble => {
    const last = workers.at(-1) as WorkerDouble;
    return last.isDead ? start() : last;
  };
  const pageOf = () => {
    if (kind !== 'service') return latest().forPage();
    // The browser starts the worker again when a message comes.
    const page = latest().forPage();
    const active = {
      postMessage: (data: object, transfer: MessagePort[]) => {
        const { scope } = latest();
        latest().deliver(scope, data, transfer, 'https://app.test');
      },
    };
    return Object.assign(page, { ready: Promise.resolve({ active }) });
  };
  return {
    locks,
    workers,
    get worker() {
      return workers.at(-1) as WorkerDouble;
    },
    stop: () => stop(),
    open: (more = {}) => connectTokenManager({ worker: pageOf, ...more }),
    kill() {
      workers.at(-1)?.kill();
      locks.kill('tokenkeep.worker:');
    },
  };
}

/** Keeps what it was asked for. */
export class BareManager extends BareManagerOfAll implements ServedTokenManager {
  readonly signOuts: object[] = [];
  readonly tokens: unknown[] = [];
  readonly tokenRequests: unknown[] = [];

  constructor(answer: (request: Request) => Response | Promise<Response> = () => new Response()) {
    super(answer);
  }

  async getAccessToken(request?: object): Promise<string> {
    this.tokenRequests.push(request);
    return 'an access token';
  }

  async setTokens(tokens: unknown): Promise<void> {
    this.tokens.push(tokens);
  }

  async signOut(options: object = {}): Promise<{ revoked: true }> {
    this.signOuts.push(options);
    return { revoked: true };
  }
}
