/** As far as the tests use it; @types/pg is not installed. */
declare module 'pg' {
  import type { EventEmitter } from 'node:events';

  export interface PoolOptions {
    readonly connectionString?: string;
    readonly max?: number;
    readonly idleTimeoutMillis?: number;
    readonly options?: string;
    readonly application_name?: string;
  }
  export interface Result {
    // biome-ignore lint/suspicious/noExplicitAny: the columns are the query's
    readonly rows: any[];
    readonly rowCount: number | null;
  }
  export class Client extends EventEmitter {
    query(text: string, values?: unknown[]): Promise<Result>;
    release(isBroken?: boolean | Error): void;
  }
  export class Pool extends EventEmitter {
    constructor(options?: PoolOptions);
    readonly options: PoolOptions;
    readonly totalCount: number;
    query(text: string, values?: unknown[]): Promise<Result>;
    connect(): Promise<Client>;
    end(): Promise<void>;
  }
}
