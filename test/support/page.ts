/** A page without a browser: its location, its navigations, and the actions of its user. */
import type { LoginPage } from 'tokenkeep/login';

type PageEvent = { readonly persisted?: boolean };

export class Page implements LoginPage {
  /** The URLs that scripts have navigated to. The page unloads when the test says so. */
  readonly sent: string[] = [];
  readonly location: { href: string; assign(url: string): void };
  readonly history: {
    state: unknown;
    readonly replaced: string[];
    replaceState(state: unknown, unused: string, url: string): void;
  };
  readonly listeners = new Map<string, Set<(event: PageEvent) => void>>();

  constructor(href: string) {
    const location = { href, assign: (url: string) => void this.sent.push(url) };
    this.location = location;
    this.history = {
      state: { of: 'a router' },
      replaced: [],
      replaceState(state, _unused, url) {
        this.state = state;
        this.replaced.push(url);
        location.href = new URL(url, location.href).href;
      },
    };
  }

  addEventListener(type: string, listener: (event: PageEvent) => void): void {
    this.listeners.set(type, (this.listeners.get(type) ?? new Set()).add(listener));
  }

  removeEventListener(type: string, listener: (event: PageEvent) => void): void {
    this.listeners.get(type)?.delete(listener);
  }

  /** It goes where it was sent, and is kept for "Back". */
  leave(): void {
    this.#tell('pagehide', { persisted: true });
  }

  /** The user comes back to it by "Back". */
  show(persisted = true): void {
    this.#tell('pageshow', { persisted });
  }

  get listening(): number {
    return [...this.listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  #tell(type: string, event: PageEvent): void {
    for (const listener of this.listeners.get(type) ?? []) listener(event);
  }
}
