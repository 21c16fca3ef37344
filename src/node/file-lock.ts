/**
 * The lock of all processes of one machine: a queue of tickets in the file, and a liveness file for each of them.
 *
 * Invariants: for each name, the live owner with the lowest ticket holds the lock, and tickets are numbered in the order in which
 * they were drawn. A process creates its liveness file before it draws a ticket, and a ticket is removed by its owner or after its
 * owner's death. So a ticket without a liveness file belongs to a dead owner, permanently.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { TokenLock } from '../core/contracts.ts';
import { jitteredDelay } from './delay.ts';
import { isDead, LivenessFile, removeStale } from './liveness-file.ts';
import type { SqliteDatabase } from './sqlite-database.ts';
import { toStorageError } from './sqlite-error.ts';

interface Ticket {
  readonly id: number;
  readonly owner: string;
}

/** A ticket of this process. */
interface OwnTicket {
  readonly id: number;
  readonly livenessFile: LivenessFile;
}

/** @param path Prefix of the names of liveness files. */
export function fileLock(database: SqliteDatabase, path: string): TokenLock {
  const queue = new TicketQueue(database, path);
  return {
    reach: 'machine',
    async request(name, { signal }, callback) {
      signal?.throwIfAborted();
      const key = JSON.stringify(name);
      const ticket = await queue.takeTicket(key, signal);
      try {
        await queue.wait(key, ticket, signal);
        return await callback();
      } finally {
        await queue.leave(ticket);
      }
    },
  };
}

class TicketQueue {
  readonly #database: SqliteDatabase;
  readonly #livenessPrefix: string;
  #leftoversRemoved: Promise<void> | undefined;

  constructor(database: SqliteDatabase, path: string) {
    this.#database = database;
    this.#livenessPrefix = `${path}-lock-`;
  }

  /** Draws a ticket at the end of the queue. */
  async takeTicket(name: string, signal: AbortSignal | undefined): Promise<OwnTicket> {
    // No file is created in a directory that is refused.
    await this.#database.run('write', () => undefined, signal);
    // A file that cannot be removed does no harm.
    this.#leftoversRemoved ??= this.#removeLeftovers().catch(() => undefined);
    await this.#leftoversRemoved;
    const { owner, livenessFile } = await this.#createLivenessFile();
    try {
      const { lastInsertRowid } = await this.#database.run(
        'write',
        (sql) => sql(insertTicket).run(name, owner),
        signal,
      );
      return { id: Number(lastInsertRowid), livenessFile };
    } catch (error) {
      livenessFile.remove();
      throw error;
    }
  }

  async #createLivenessFile(): Promise<{ owner: string; livenessFile: LivenessFile }> {
    for (;;) {
      const owner = randomUUID();
      try {
        const livenessFile = await LivenessFile.create(this.#livenessPrefix + owner);
        if (livenessFile !== undefined) return { owner, livenessFile };
      } catch (error) {
        throw toStorageError(error, 'write', this.#livenessPrefix + owner);
      }
    }
  }

  /** Waits until no live owner has a lower ticket. */
  async wait(name: string, ticket: OwnTicket, signal: AbortSignal | undefined): Promise<void> {
    let first: number | undefined;
    for (let polls = 0; ; polls++) {
      const ahead = await this.#database.run('read', (sql) => sql(selectAhead).all(name, ticket.id), signal);
      const head = ahead[0] as unknown as Ticket | undefined;
      if (head === undefined) return;
      // The next waiter checks that the holder is alive. The others do so now and then, in case both are
      // dead.
      if ((ahead.length === 1 || polls % 8 === 7) && (await this.#removeIfDead(head))) continue;
      if (head.id !== first) polls = 0;
      first = head.id;
      await jitteredDelay(pollInterval(ahead.length, polls), signal);
    }
  }

  /** Removes the liveness file first, which releases the lock. If the ticket is not removed then, other processes remove it. */
  async leave({ id, livenessFile }: OwnTicket): Promise<void> {
    livenessFile.remove();
    await this.#database.run('write', (sql) => sql(deleteTicket).run(id)).catch(() => undefined);
  }

  /** Removes the ticket and liveness file of a dead owner. Returns `false` if the owner is alive. */
  async #removeIfDead({ id, owner }: Ticket): Promise<boolean> {
    const path = this.#livenessPrefix + owner;
    if (!isDead(path)) return false;
    rmSync(path, { force: true });
    await this.#database.run('write', (sql) => sql(deleteTicket).run(id));
    return true;
  }

  /**
   * Removes, once, the files of processes that died in queues without later callers, or before they drew a
   * ticket.
   */
  async #removeLeftovers(): Promise<void> {
    const tickets = await this.#database.run('read', (sql) => sql('SELECT id, owner FROM tickets').all());
    for (const ticket of tickets as unknown as Ticket[]) await this.#removeIfDead(ticket);
    const directory = dirname(this.#livenessPrefix);
    for (const name of readdirSync(directory)) {
      if (name.startsWith(basename(this.#livenessPrefix))) removeStale(join(directory, name));
    }
  }
}

/** Returns the pause before the next check, in ms: the next in line checks often, at first more often. */
function pollInterval(ahead: number, polls: number): number {
  return Math.min(25, ahead * Math.min(5, 1 + polls / 4));
}

const insertTicket = 'INSERT INTO tickets (name, owner) VALUES (?, ?)';
const selectAhead = 'SELECT id, owner FROM tickets WHERE name = ? AND id < ? ORDER BY id';
const deleteTicket = 'DELETE FROM tickets WHERE id = ?';
