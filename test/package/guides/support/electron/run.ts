/** Runs a main module as Electron does, `electron` being the double, and takes orders. */
import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';

export interface Order {
  readonly id: number;
  readonly type: 'windows' | 'isEnding' | 'crossed' | 'judged' | 'evaluate' | 'close' | 'quit';
  readonly window?: number;
  readonly text?: string;
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== 'electron') return next(specifier, context);
    return { url: new URL('electron.ts', import.meta.url).href, shortCircuit: true };
  },
});

const { app, windows } = await import('./electron.ts');
await import(pathToFileURL(process.argv[2] ?? '').href);
app.becomeReady();

async function obey({ type, window: index = 0, text = '' }: Order): Promise<unknown> {
  if (type === 'windows') return windows.length;
  if (type === 'isEnding') return app.isEnding;
  if (type === 'quit') return app.quit();
  const window = windows[index];
  if (window === undefined) throw new Error(`There is no window ${index}.`);
  if (type === 'crossed' || type === 'judged') return window[type];
  if (type === 'close') return await window.close();
  return await (await window.page).evaluate(text);
}

process.on('message', async (order: Order) => {
  const answer = await obey(order).then(
    (value) => ({ value }),
    (error: unknown) => ({ error: String(error) }),
  );
  process.send?.({ id: order.id, ...answer });
});
