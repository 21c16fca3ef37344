/** A process that takes the lock, says so, and holds it until it is killed. */
import { sqliteLock } from './sqlite-lock.ts';

const [path = '', name = ''] = process.argv.slice(2);
await sqliteLock(path).request(name, {}, () => {
  process.send?.('held');
  return new Promise(() => setInterval(() => {}, 60_000));
});
