import { existsSync } from 'node:fs';
import { openChromium, openFirefox } from './puppeteer.ts';
import { openWebKit } from './webkit.ts';

export type Engine = 'chromium' | 'firefox' | 'webkit';

/** A tab as its driver knows it. A `Remote` reports events in its page. */
export interface DrivenTab {
  goto(url: string): Promise<void>;
  /** Evaluates an expression, and awaits it if it is a promise. For pages that take no commands. */
  evaluate(expression: string): Promise<unknown>;
  /** As its user presses it. */
  press(key: Key): Promise<void>;

  /** In the foreground. */
  show(): Promise<void>;
  /** As its user clicks on what this selector finds. */
  click(selector: string): Promise<void>;
  /** As its user closes it. */
  close(): Promise<void>;
  /** Its process dies without a message. `busy` keeps the process busy, so that it can be distinguished from others. */
  kill(busy: () => void): Promise<void>;
  /** Nothing of it runs any more: frozen by the browser, or its process stopped. Resolves with how to wake it up. */
  suspend(how: Suspension, busy: () => void): Promise<() => Promise<void>>;
  /** Preferences of its user, by the names of media features. `undefined`: the engine's driver cannot set them. */
  prefer?(preferences: Readonly<Record<string, string>>): Promise<void>;
  /** `undefined`: the engine's driver cannot. */
  setOffline?(isOffline: boolean): Promise<void>;
  /** Service workers end where they are, as the browser ends those that have nothing to do. `undefined`: its driver cannot. */
  stopServiceWorkers?(): Promise<void>;
}

export type Key = 'Tab' | 'Enter' | 'Space';

export type Suspension = 'frozen' | 'stopped';

export interface DrivenBrowser {
  newTab(): Promise<DrivenTab>;
  close(): Promise<void>;
}

interface Installed {
  readonly open: (preferences?: object) => Promise<DrivenBrowser>;
  readonly files: readonly string[];
  readonly packages: string;
}

const engines: Record<Engine, Installed> = {
  chromium: { open: openChromium, files: ['/usr/bin/chromium'], packages: 'chromium procps' },
  firefox: { open: openFirefox, files: ['/usr/bin/firefox-esr'], packages: 'firefox-esr procps' },
  webkit: {
    open: openWebKit,
    files: [
      '/usr/bin/WebKitWebDriver',
      '/usr/bin/Xvfb',
      '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser',
    ],
    packages: 'webkit2gtk-driver xvfb procps',
  },
};

/** Starts a browser, Chromium also with preferences of its user. None is ever skipped: one that is missing fails, and says how to install it. */
export async function openBrowser(engine: Engine, preferences?: object): Promise<DrivenBrowser> {
  const { open, files, packages } = engines[engine];
  const missing = files.filter((file) => !existsSync(file));
  if (missing.length > 0) {
    throw new Error(
      `${missing.join(', ')} is missing. Run: sudo apt-get install --no-install-recommends ${packages}`,
    );
  }
  return await open(preferences);
}
