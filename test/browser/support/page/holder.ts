/** A worker that takes a lock and never releases it. */
import { webLock } from 'tokenkeep/browser';

globalThis.addEventListener('message', ({ data }: MessageEvent<string>) => {
  void webLock().request(data, {}, () => {
    (globalThis as unknown as Worker).postMessage('held');
    return new Promise<never>(() => {});
  });
});
