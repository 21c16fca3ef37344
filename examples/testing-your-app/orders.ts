/** A small application: the orders of a shop, and what its user gets to see when there are none. */
import { isTokenKeepError, type TokenManager } from 'tokenkeep';

export interface Order {
  readonly id: string;
}

/** The state of the screen. */
export type Screen = 'orders' | 'sign in' | 'try again later';

export class OrdersApp {
  screen: Screen = 'sign in';
  orders: readonly Order[] = [];
  readonly #manager: TokenManager;
  readonly #url: string;

  constructor(manager: TokenManager, url: string) {
    this.#manager = manager;
    this.#url = url;
    manager.on('sessionEnded', () => this.#signedOut());
    manager.on('signedOut', () => this.#signedOut());
  }

  async load(): Promise<void> {
    const response = await this.#call();
    if (response?.ok) this.orders = (await response.json()) as Order[];
  }

  async place(order: Order): Promise<boolean> {
    const response = await this.#call({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(order),
    });
    return response?.ok ?? false;
  }

  async #call(init?: RequestInit): Promise<Response | undefined> {
    try {
      const response = await this.#manager.fetch(this.#url, init);
      this.screen = response.ok ? 'orders' : 'try again later';
      return response;
    } catch (error) {
      if (isTokenKeepError(error) && error.code === 'ERR_LOGIN_REQUIRED') this.#signedOut();
      // All other errors are temporary: no network, a busy server. The screen is still correct.
      else this.screen = 'try again later';
      return undefined;
    }
  }

  #signedOut(): void {
    this.screen = 'sign in';
    this.orders = [];
  }
}
