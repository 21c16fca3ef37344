/**
 * The lock of all processes of one machine: a queue of tickets in the file, and a sign of life for each of them.
 *
 * Invariants: of a name, the living with the lowest ticket holds the lock, and tickets are numbered in the order in which
 * they were drawn. A ticket is drawn by who shows that it lives, and removed by its owner or after its owner's death. So
 * a ticket without a presence is a dead one, for good.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { TokenLock } from '../core/contracts.ts';
import type { Database } from './database.ts';
import { storageFailure } from './database-failure.ts';
import { pause } from './pause.ts';
import { clearAway, isDead, Presence } from './presence.ts';

interface Ticket {
  readonly id: number;
  readonly owner: string;
}

/** A ticket of ours. */
interface Turn {
  readonly id: number;
  readonly presence: Presence;
}

/** @param path Beginning of the names of presences. */
export function fileLock(database: Database, path: string): TokenLock {
  const queue = new TicketQueue(database, path);
  return {
    reach: 'machine',
    async request(name, { signal }, callback) {
      signal?.throwIfAborted();
      const place = JSON.stringify(name);
      const turn = await queue.draw(place, signal);
      try {
        await queue.wait(place, turn, signal);
        return await callback();
      } finally {
        await queue.leave(turn);
      }
    },
  };
}

class TicketQueue {
  readonly #database: Database;
  readonly #presences: string;
  #swept: Promise<void> | undefined;

  constructor(database: Database, path: string) {
    this.#database = database;
    this.#presences = `${path}-lock-`;
  }

  /** Takes a place at the end of the queue. */
  async draw(name: string, signal: AbortSignal | undefined): Promise<Turn> {
    // Nothing is put into a directory that is refused.
    await this.#database.run('write', () => undefined, signal);
    // What cannot be swept harms nobody.
    this.#swept ??= this.#sweep().catch(() => undefined);
    await this.#swept;
    const { owner, presence } = await this.#show();
    try {
      const { lastInsertRowid } = await this.#database.run(
        'write',
        (sql) => sql(insert).run(name, owner),
        signal,
      );
      return { id: Number(lastInsertRowid), presence };
    } catch (error) {
      presence.end();
      throw error;
    }
  }

  async #show(): Promise<{ owner: string; presence: Presence }> {
    for (;;) {
      const owner = randomUUID();
      try {
        const presence = await Presence.begin(this.#presences + owner);
        if (presence !== undefined) return { owner, presence };
      } catch (error) {
        throw storageFailure(error, 'write', this.#presences + owner);
      }
    }
  }

  /** Waits until nobody who lives has a lower ticket. */
  async wait(name: string, turn: Turn, signal: AbortSignal | undefined): Promise<void> {
    let first: number | undefined;
    for (let looks = 0; ; looks++) {
      const ahead = await this.#database.run('read', (sql) => sql(before).all(name, turn.id), signal);
      const head = ahead[0] as unknown as Ticket | undefined;
      if (head === undefined) return;
      // Who is next sees to it that the first one lives; the others, now and then, in case that both are dead.
      if ((ahead.length === 1 || looks % 8 === 7) && (await this.#buried(head))) continue;
      if (head.id !== first) looks = 0;
      first = head.id;
      await pause(restlessness(ahead.length, looks), signal);
    }
  }

  /** Ends the presence first: with that the lock is free, and the ticket is swept by others should it not be removed. */
  async leave({ id, presence }: Turn): Promise<void> {
    presence.end();
    await this.#database.run('write', (sql) => sql(remove).run(id)).catch(() => undefined);
  }

  /** Removes what the dead leave behind; `false` if its owner lives. */
  async #buried({ id, owner }: Ticket): Promise<boolean> {
    const path = this.#presences + owner;
    if (!isDead(path)) return false;
    rmSync(path, { force: true });
    await this.#database.run('write', (sql) => sql(remove).run(id));
    return true;
  }

  /** Once: what was left behind by those who died in queues that nobody has come to since, or before they drew a ticket. */
  async #sweep(): Promise<void> {
    const tickets = await this.#database.run('read', (sql) => sql('SELECT id, owner FROM tickets').all());
    for (const ticket of tickets as unknown as Ticket[]) await this.#buried(ticket);
    const directory = dirname(this.#presences);
    for (const name of readdirSync(directory)) {
      if (name.startsWith(basename(this.#presences))) clearAway(join(directory, name));
    }
  }
}

/** How long to sleep until the next look, in ms: who is next looks often, at first more often. */
function restlessness(ahead: number, looks: number): number {
  return Math.min(25, ahead * Math.min(5, 1 + looks / 4));
}

const insert = 'INSERT INTO tickets (name, owner) VALUES (?, ?)';
const before = 'SELECT id, owner FROM tickets WHERE name = ? AND id < ? ORDER BY id';
const remove = 'DELETE FROM tickets WHERE id = ?';
