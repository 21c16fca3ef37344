/** Server-sent events with an access token: an EventSource over fetch, which each time connects with one that is fresh. */
import { EventSource } from 'eventsource';
import { isTokenKeepError, type TokenManager } from 'tokenkeep';

/**
 * Connects again when the stream ends or breaks, and sends the position in `Last-Event-ID`. When the session has
 * ended it closes, with an `error` event of code 401: retrying would not help before a login.
 */
export function authorizedEventSource(url: string, manager: TokenManager): EventSource {
  return new EventSource(url, {
    fetch: async (input, init) => {
      try {
        return await manager.fetch(input, init);
      } catch (error) {
        if (!isTokenKeepError(error) || error.code !== 'ERR_LOGIN_REQUIRED') throw error; // tried again
        return new Response(null, { status: 401 });
      }
    },
  });
}
