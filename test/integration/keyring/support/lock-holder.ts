/** A process that takes the lock beside a keyring, says so, and holds it until it is killed. */
import { keyringStorage } from '../../../../src/node/keyring-storage.ts';

// A promise alone keeps no process alive.
setInterval(() => {}, 60_000);
const [place = '{}', name = ''] = process.argv.slice(2);
await keyringStorage(JSON.parse(place)).lock.request(name, {}, () => {
  process.send?.('held');
  return new Promise(() => {});
});
