/**
 * Opening the user's own browser (RFC 8252 §6).
 *
 * @module
 */

import { ConfigurationError } from '../core/errors.ts';
import { parseUrl } from '../core/http/url.ts';
import { nodeModule, nodePlatform, nodeVariable } from './node-modules.ts';

/** Programs that open a URL, and what they want before it. No shell reads the URL: it holds what a server chose. */
const openers: Readonly<Record<string, readonly [command: string, ...parameters: string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/**
 * Opens a URL in the user's own browser: by the program that the environment variable `BROWSER` names, else as the system
 * does. That a program could be started is all that is known: on a machine without a display nobody may see the page. So a
 * command line prints the URL too.
 *
 * @example
 * ```ts
 * import { discover } from 'tokenkeep';
 * import { loopbackLogin, openSystemBrowser } from 'tokenkeep/login';
 *
 * async function show(url: string): Promise<void> {
 *   console.error(`Log in here:\n${url}`);
 *   await openSystemBrowser(url).catch(() => undefined); // then the user opens it
 * }
 * const client = { clientId: 'my-cli', authorizationServer: discover('https://auth.example.com') };
 * const logIn = () => loopbackLogin({ ...client, scope: ['openid', 'offline_access'], open: show });
 * ```
 * @throws ConfigurationError when there is no such program, for what is no page of the web, and elsewhere than in Node.
 */
export async function openSystemBrowser(url: string): Promise<void> {
  // Those programs open files and run other programs, too.
  if (!/^https?:/.test(parseUrl(url)?.protocol ?? '')) {
    throw new ConfigurationError('openSystemBrowser(url): url must begin with https: or http:.');
  }
  const [command, ...parameters] = openers[nodePlatform() ?? ''] ?? ['xdg-open'];
  const browser = nodeVariable('BROWSER');
  // A list or a command line is no name of a program: xdg-open understands them.
  if (browser && (await canStart(browser, [url]))) return;
  if (await canStart(command, [...parameters, url])) return;
  throw new ConfigurationError(
    `The system browser could not be opened by ${command}. Pass the option open, which shows the URL to the user.`,
  );
}

/** Nothing of the error is kept: its members hold the URL. */
async function canStart(command: string, parameters: readonly string[]): Promise<boolean> {
  const { spawn } = nodeModule('child_process');
  return await new Promise((resolve) => {
    const child = spawn(command, parameters, { detached: true, stdio: 'ignore' });
    child.once('spawn', () => resolve(true));
    child.once('error', () => resolve(false));
    child.unref();
  });
}
