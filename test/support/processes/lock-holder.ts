/** A process that takes a lock, says so, and holds it until it is killed. */
import { fileStorage } from '../../../src/node/file-storage.ts';

// A promise alone keeps no process alive.
setInterval(() => {}, 60_000);
const [path = '', name = ''] = process.argv.slice(2);
await fileStorage({ path }).lock.request(name, {}, () => {
  process.send?.('held');
  return new Promise(() => {});
});
