/**
 * The lock of all processes of one machine: a queue of tickets in the file, and a sign of life for each of them.
 *
 * Invariants: of a name, the living with the lowest ticket holds the lock, and tickets are numbered in the order in which
 * they were drawn. Nobody removes the ticket of a living owner. A presence without a ticket does not exist, so what the
 * dead leave behind is found by the tickets.
 *
 * @module
 */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { TokenLock } from '../core/contracts.ts';
import { type Database, transaction } from './database.ts';
import { storageFailure } from './database-failure.ts';
import { pause } from './pause.ts';
import { isDead, Presence } from './presence.ts';

interface Ticket {
  readonly id: number;
  readonly owner: string;
}

/** A ticket of ours, and how to give it back. */
interface Turn extends Ticket {
  readonly presence: Presence;
}

/** @param path Beginning of the names of presences. */
export function fileLock(database: Database, path: string): TokenLock {
  const queue = new TicketQueue(database, path);
  return {
    reach: 'machine',
    async request(name, { signal }, callback) {
      signal?.throwIfAborted();
      const turn = await queue.draw(JSON.stringify(name), signal);
      try {
        await queue.wait(JSON.stringify(name), turn, signal);
        return await callback();
      } finally {
        queue.leave(turn);
      }
    },
  };
}

class TicketQueue {
  readonly #database: Database;
  readonly #path: string;
  #swept: Promise<void> | undefined;

  constructor(database: Database, path: string) {
    this.#database = database;
    this.#path = path;
  }

  /** Takes a place at the end of the queue. */
  async draw(name: string, signal: AbortSignal | undefined): Promise<Turn> {
    // What cannot be swept harms nobody, and what is wrong with the file is found out below.
    this.#swept ??= this.#sweep().catch(() => undefined);
    await this.#swept;
    for (;;) {
      const owner = randomUUID();
      const drawn = await this.#database.run('write', (sql) => sql(insert).run(name, owner), signal);
      const id = Number(drawn.lastInsertRowid);
      const turn = { id, owner, presence: await this.#begin({ id, owner }) };
      if (await this.#isIn(turn)) return turn;
    }
  }

  /** Whether the ticket is still there: whoever came by before the presence began has taken us for dead. */
  async #isIn(turn: Turn): Promise<boolean> {
    try {
      const { changes } = await this.#database.run('write', (sql) => sql(confirm).run(turn.id));
      if (Number(changes) === 1) return true;
    } catch (error) {
      this.leave(turn);
      throw error;
    }
    turn.presence.end();
    return false;
  }

  async #begin(ticket: Ticket): Promise<Presence> {
    try {
      return await Presence.begin(this.#presenceOf(ticket));
    } catch (error) {
      this.#database.glance((sql) => sql(remove).run(ticket.id));
      throw storageFailure(error, 'write', this.#path);
    }
  }

  /** Waits until nobody who lives has a lower ticket. */
  async wait(name: string, turn: Turn, signal: AbortSignal | undefined): Promise<void> {
    let first: number | undefined;
    for (let looks = 0; ; looks++) {
      const ahead = await this.#database.run('read', (sql) => sql(before).all(name, turn.id), signal);
      const head = ahead[0] as unknown as Ticket | undefined;
      if (head === undefined) return;
      if (isDead(this.#presenceOf(head))) {
        await this.#bury(head);
        continue;
      }
      if (head.id !== first) looks = 0;
      first = head.id;
      await pause(restlessness(ahead.length, looks), signal);
    }
  }

  /** Ends the presence first: without it the ticket is as good as gone, should it not be removed. */
  leave({ id, presence }: Turn): void {
    presence.end();
    this.#database.glance((sql) => sql(remove).run(id));
  }

  /** Removes the ticket of a dead owner, unless it turns out to live: its presence may just have begun. */
  async #bury(ticket: Ticket): Promise<void> {
    const path = this.#presenceOf(ticket);
    await this.#database.run('write', (sql) =>
      transaction(sql, () => {
        if (!isDead(path)) return;
        rmSync(path, { force: true });
        sql(remove).run(ticket.id);
      }),
    );
  }

  /** Once: what was left behind by those who died in queues that nobody has come to since. */
  async #sweep(): Promise<void> {
    const tickets = await this.#database.run('read', (sql) => sql('SELECT id, owner FROM tickets').all());
    for (const ticket of tickets as unknown as Ticket[]) {
      if (isDead(this.#presenceOf(ticket))) await this.#bury(ticket);
    }
  }

  #presenceOf({ owner }: Ticket): string {
    return `${this.#path}-lock-${owner}`;
  }
}

/** How long to sleep until the next look, in ms: who is next looks often, at first more often. */
function restlessness(ahead: number, looks: number): number {
  return Math.min(25, ahead * Math.min(5, 1 + looks / 4));
}

const insert = 'INSERT INTO tickets (name, owner) VALUES (?, ?)';
const confirm = 'UPDATE tickets SET ready = 1 WHERE id = ?';
const before = 'SELECT id, owner FROM tickets WHERE name = ? AND id < ? ORDER BY id';
const remove = 'DELETE FROM tickets WHERE id = ?';
