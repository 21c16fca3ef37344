/** A worker that reports why it keeps sessions in memory. */
import { memoryStorage } from 'tokenkeep';
import { indexedDbStorage, whereAllowed } from 'tokenkeep/browser';

const storage = whereAllowed(indexedDbStorage(), memoryStorage());
void storage.read('key').then(() => (globalThis as unknown as Worker).postMessage(storage.unavailable?.()));
