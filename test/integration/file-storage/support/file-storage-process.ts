/** A process that uses a file storage in every way, closes nothing, and ends by itself. With an argument of modes for `umask`. */
import { fileStorage } from '../../../../src/node/file-storage.ts';

const [path = '', mask] = process.argv.slice(2);
if (mask !== undefined) process.umask(Number.parseInt(mask, 8));
const storage = fileStorage({ path });
storage.watch('key', () => {});
const version = await storage.write('key', { step: 1 }, undefined);
await storage.lock.request('name', {}, () => storage.write('key', { step: 2 }, version));
console.log(JSON.stringify(await storage.read('key').then((stored) => stored?.record)));
