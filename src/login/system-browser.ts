/**
 * Opening the user's own browser (RFC 8252 §6).
 *
 * @module
 */
import { ConfigurationError } from '../core/errors.ts';
import { nodeModule, nodePlatform } from './node-modules.ts';

/** Programs that open a URL, and what they want before it. No shell reads the URL: it holds what a server chose. */
const openers: Readonly<Record<string, readonly [command: string, ...parameters: string[]]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** @throws ConfigurationError when there is no such program. */
export async function openSystemBrowser(url: string): Promise<void> {
  const [command, ...parameters] = openers[nodePlatform() ?? ''] ?? ['xdg-open'];
  const { spawn } = nodeModule('child_process');
  try {
    await new Promise<void>((resolve, reject) => {
      const child = spawn(command, [...parameters, url], { detached: true, stdio: 'ignore' });
      child.once('spawn', resolve);
      child.once('error', reject);
      child.unref();
    });
  } catch {
    // The error's own members hold the URL.
    throw new ConfigurationError(
      `The system browser could not be opened by ${command}. Give the option open, which shows the URL to the user.`,
    );
  }
}
