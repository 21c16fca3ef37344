/**
 * A WebSocket that says in its first message who the user is. Pages cannot set headers of a WebSocket, and a token in its
 * URL ends up in logs (RFC 6750 §2.3, §5.3).
 */
import type { TokenManager } from 'tokenkeep';

/** The close code for a rejected token. 4000 to 4999 are for applications. */
const rejected = 4401;

/**
 * Opens a socket to `url`, which must be a place that may see the user's access token: a manager guards its `fetch`, and
 * cannot guard this. Resolves when the server has agreed. A token that it rejects is replaced once, not more often.
 */
export async function authorizedSocket(url: string, manager: TokenManager): Promise<WebSocket> {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'wss:' && hostname !== '127.0.0.1') throw new TypeError('A token needs wss:.');
  const token = await manager.getAccessToken();
  try {
    return await introduced(url, token);
  } catch (error) {
    if ((error as Closed).code !== rejected) throw error;
    return await introduced(url, await manager.getAccessToken({ rejectedToken: token }));
  }
}

class Closed extends Error {
  readonly code: number;

  constructor({ code, reason }: Pick<CloseEvent, 'code' | 'reason'>) {
    super(`The server closed the socket: ${code} ${reason}`);
    this.code = code;
  }
}

function introduced(url: string, token: string): Promise<WebSocket> {
  const socket = new WebSocket(url);
  return new Promise((resolve, reject) => {
    socket.onopen = () => socket.send(JSON.stringify({ type: 'authenticate', token }));
    socket.onmessage = () => {
      Object.assign(socket, { onopen: null, onmessage: null, onerror: null, onclose: null });
      resolve(socket); // the first message says that the token will do
    };
    // After an error Node 22 sends no close event.
    socket.onerror = () => reject(new Closed({ code: 1006, reason: 'no connection' }));
    socket.onclose = (event) => reject(new Closed(event));
  });
}
