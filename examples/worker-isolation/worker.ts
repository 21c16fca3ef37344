/** The worker keeps the session, and does with it what the page asks for. No token leaves it. */
import { memoryStorage, TokenManager } from 'tokenkeep';
import { indexedDbStorage } from 'tokenkeep/browser';
import { completeLogin } from 'tokenkeep/login';
import { serveTokenManager } from 'tokenkeep/worker';
import { api, client, isShared, type ReturnedLogin } from './client.ts';

const manager = new TokenManager({
  ...client,
  protectedResources: [api],
  // Browsers stop a service worker that has nothing to do, and what it has in memory is gone.
  storage: isShared ? memoryStorage() : indexedDbStorage({ encrypt: true }),
});

serveTokenManager({
  manager,
  protectedResources: [api],
  login(request) {
    const { callback, pending } = request as ReturnedLogin; // of any script: completeLogin() checks it
    return completeLogin({ ...client, pending }, callback);
  },
});

// A service worker serves its pages from the first load on, <img> and <video> included.
const { clients } = globalThis as { clients?: { claim(): Promise<void> } };
globalThis.addEventListener('activate', () => clients?.claim());
