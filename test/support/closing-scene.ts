/** A scene whose managers are closed when the test ends, before what they store in goes away. */
import type { TokenManager, TokenStorage } from 'tokenkeep';
import { type Scene, scene } from './scene.ts';

export class ClosingScenes {
  readonly #managers: TokenManager[] = [];

  /** A user who is signed in, with this storage. */
  async open(storage: TokenStorage): Promise<Scene> {
    const open = await scene({ storage });
    this.#managers.push(open.manager);
    const another: Scene['another'] = (options) => {
      const manager = open.another(options);
      this.#managers.push(manager);
      return manager;
    };
    return { ...open, another };
  }

  async close(): Promise<void> {
    for (const manager of this.#managers.splice(0)) await manager.close();
  }
}
