/**
 * A process that increments the stored record, as often as it is asked to: under the lock, where nothing may come in
 * between, or without it, where it retries after a conflict.
 */
import { isTokenKeepError } from 'tokenkeep';
import { sqliteStorage } from '../../../../examples/bring-your-own-storage/sqlite-storage.ts';

const [path = '', how = '', times = '0'] = process.argv.slice(2);
using storage = sqliteStorage(path);

async function countUp(): Promise<void> {
  const stored = await storage.read('count');
  const count = (stored?.record as { count: number } | undefined)?.count ?? 0;
  await storage.write('count', { count: count + 1 }, stored?.version);
}

async function untilNobodyWasFaster(): Promise<void> {
  await countUp().catch((error: unknown) => {
    if (isTokenKeepError(error) && error.code === 'ERR_STORAGE' && error.conflict)
      return untilNobodyWasFaster();
    throw error;
  });
}

process.send?.('ready');
await new Promise((resolve) => process.once('message', resolve));
for (let time = 0; time < Number(times); time++) {
  if (how === 'lock') await storage.lock?.request('count', {}, countUp);
  else await untilNobodyWasFaster();
}
process.disconnect();
