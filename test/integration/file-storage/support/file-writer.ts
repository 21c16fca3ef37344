/** A process that is in the middle of a write until its parent says otherwise. */
import { DatabaseSync } from 'node:sqlite';

const database = new DatabaseSync(process.argv[2] ?? '');
database.exec('BEGIN IMMEDIATE');
process.on('message', () => {
  database.exec('COMMIT');
  process.disconnect();
});
process.send?.('writing');
