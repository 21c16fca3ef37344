/** Logins as an application does them, for pages that take orders. */
import { discover, isTokenKeepError } from 'tokenkeep';
import {
  type CompletedLogout,
  completeLogin,
  completeLogout,
  type Login,
  popupLogin,
  type StartedLogout,
  startLogin,
  startLogout,
} from 'tokenkeep/login';
import { commands, current } from './commands.ts';

/** The client and its server. */
export interface Client {
  readonly clientId: string;
  readonly issuer: string;
  /** The user who is going to log in. */
  readonly user: string;
  /** Another place to log in at than the server's own. */
  readonly authorizationEndpoint?: string;
}

/** The options of the application. */
function options({ clientId, issuer, user, authorizationEndpoint }: Client, path: string) {
  const discovered = discover(issuer);
  return {
    clientId,
    authorizationServer: async () => ({
      ...(await discovered()),
      ...(authorizationEndpoint !== undefined && { authorizationEndpoint }),
    }),
    redirectUri: `${location.origin}${path}`,
    scope: ['openid', 'offline_access'],
    parameters: { prompt: 'consent', login_hint: user },
    pending: sessionStorage,
  };
}

/** Keeps the tokens, and says who it is. */
async function keep(login: Login): Promise<string> {
  await commands.signIn(login.tokens);
  return login.idTokenClaims()?.sub ?? 'nobody';
}

/** Leaves the page, after the report of the command. */
function leave(url: string): void {
  const port = new URL(location.href).searchParams.get('control');
  if (port !== null) sessionStorage.setItem('control', port);
  (globalThis as unknown as { hangUp(next: () => void): void }).hangUp(() => location.assign(url));
}

let inWindow: Promise<string> | undefined;

export const logins = {
  /** Makes a button by which the user logs in in a window. */
  offerLogin(client: Client): void {
    const button = document.createElement('button');
    button.textContent = 'Log in';
    button.onclick = () => {
      inWindow = popupLogin(options(client, '/callback'))
        .then(keep)
        .catch((error: unknown) =>
          isTokenKeepError(error) && 'reason' in error ? error.reason : String(error),
        );
    };
    document.body.replaceChildren(button);
  },
  /** The user who has logged in, or the reason why the login failed. */
  async loggedIn(): Promise<string> {
    if (inWindow === undefined) throw new Error('Nobody has clicked.');
    return await inWindow;
  },

  /** Sends the user of this page to the server. */
  async goToLogin(client: Client): Promise<void> {
    const { url } = await startLogin(options(client, '/signed-in'));
    leave(url);
  },
  /** Where the user has been sent back to. Resolves with who it is. */
  async finishLogin(client: Client): Promise<string> {
    const callback = location.href;
    history.replaceState(null, '', '/signed-in');
    return await keep(await completeLogin(options(client, '/signed-in'), callback));
  },

  /** Signs the user of this page out, and sends them to the server. Returns all of the result but the URL. */
  async goToLogout(): Promise<Omit<StartedLogout, 'url'>> {
    const { manager } = current();
    const redirectUri = `${location.origin}/signed-out`;
    const logout = await startLogout({ manager, redirectUri, pending: sessionStorage, returnTo: '/orders' });
    if (logout.outcome !== 'redirect') return logout;
    const { url, ...others } = logout;
    leave(url);
    return others;
  },
  /** Where the user has been sent back to. */
  finishLogout: (): Promise<CompletedLogout> => completeLogout({ pending: sessionStorage }, location.href),
};
