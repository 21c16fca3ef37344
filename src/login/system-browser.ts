/**
 * Opening the user's own browser (RFC 8252 §6).
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { parseUrl } from '../core/http/url.ts';
import { nodeModule, nodePlatform, nodeVariable } from './node-modules.ts';

/** Programs that open a URL, and their first arguments. No shell reads the URL, because it contains text of the server. */
const openers: Readonly<Record<string, readonly [command: string, ...parameters: string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/**
 * Opens a URL in the user's browser, with the program that the environment variable `BROWSER` names, else with that of the system.
 * It resolves once the program has started: on a machine without a display the user may not see the page. So a command line
 * prints the URL too.
 *
 * @example
 * ```ts
 * import { discover } from 'tokenkeep';
 * import { loopbackLogin, openSystemBrowser } from 'tokenkeep/login';
 *
 * async function show(url: string): Promise<void> {
 *   console.error(`Log in here:\n${url}`);
 *   await openSystemBrowser(url).catch(() => undefined); // if it fails, the user opens the URL
 * }
 * const client = { clientId: 'my-cli', authorizationServer: discover('https://auth.example.com') };
 * const logIn = () => loopbackLogin({ ...client, scope: ['openid', 'offline_access'], open: show });
 * ```
 * @throws ConfigurationError if there is no such program, for a URL that is not a web page, and outside Node.
 */
export async function openSystemBrowser(url: string): Promise<void> {
  // These programs also open files and run other programs.
  if (!/^https?:/.test(parseUrl(url)?.protocol ?? '')) {
    throw new ConfigurationError('openSystemBrowser(url): url must begin with https: or http:.');
  }
  const [command, ...parameters] = openers[nodePlatform() ?? ''] ?? ['xdg-open'];
  const browser = nodeVariable('BROWSER');
  // A list or a command line is not the name of a program, although xdg-open accepts it.
  if (browser && (await canStart(browser, [url]))) return;
  if (await canStart(command, [...parameters, url])) return;
  throw new ConfigurationError(
    `The system browser could not be opened by ${command}. Pass the option open, which shows the URL to the user.`,
  );
}

/** Checks whether a program can start. The error is dropped, because its members contain the URL. */
async function canStart(command: string, parameters: readonly string[]): Promise<boolean> {
  const { spawn } = nodeModule('child_process');
  return await new Promise((resolve) => {
    const child = spawn(command, parameters, { detached: true, stdio: 'ignore' });
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
    child.unref();
  });
}
