/** The routes of the service. A cookie identifies the session of a request. */
import type { IncomingMessage } from 'node:http';
import type { TokenManager } from 'tokenkeep';
import { cookiesOf, nameOf, newId } from './cookies.ts';
import { loginsOf } from './logins.ts';
import { api, type Redis, thirtyDays } from './sessions.ts';

export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** @param origin where browsers see the service: behind a proxy its `https:` address. */
export function serviceOf(redis: Redis, manager: TokenManager, origin: string) {
  const [cookies, logins] = [cookiesOf(origin), loginsOf(redis, manager, origin)];

  function redirect(location: string, ...[name, id, seconds]: [string, string, number]): Answer {
    return { status: 303, headers: { location, 'set-cookie': cookies.write(name, id, seconds) } };
  }

  return async (request: IncomingMessage): Promise<Answer> => {
    const url = URL.parse(request.url ?? '', origin);
    const id = cookies.read(request, 'session');
    const session = id === undefined ? undefined : manager.forSession(nameOf(id));
    const browser = cookies.read(request, 'login') ?? newId();
    if (url === null) return { status: 400 };
    const user = url.searchParams.get('login_hint');
    switch (`${request.method} ${url.pathname}`) {
      case 'GET /login':
        return redirect(await logins.begin(browser, user), 'login', browser, 600);
      case 'GET /callback':
        return redirect('/orders', 'session', await logins.end(browser, url), thirtyDays);
      case 'POST /logout':
        await session?.signOut();
        return redirect('/', 'session', '', 0);
      case 'GET /orders':
        return session === undefined ? { status: 401, body: 'Log in at /login.\n' } : await ordersOf(session);
      default:
        return { status: 404 };
    }
  };
}

/** The call on behalf of the user. */
async function ordersOf(session: TokenManager): Promise<Answer> {
  const response = await session.fetch(`${api}orders`, { signal: AbortSignal.timeout(30_000) });
  const type = response.headers.get('content-type') ?? 'text/plain';
  const headers = { 'content-type': type, 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' };
  return { status: response.status, headers, body: await response.text() };
}
