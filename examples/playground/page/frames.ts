/** The tabs: frames of this page, each with its own program and manager. They receive commands and report facts. */
import { copyOf, element } from './elements.ts';
import type { FromTab, Order, Told } from './facts.ts';

export interface Tab {
  readonly number: number;
  /** The button that freezes it. */
  readonly freezer: HTMLElement;
  /** `true`: it does nothing until it is woken up. */
  readonly isFrozen: boolean;
  /** Resolves when the tab has done it. */
  order(order: Order): Promise<void>;
}

interface Caller {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Opens so many tabs. Resolves when all of them listen. */
export async function openTabs(count: number, onFacts: (facts: readonly Told[]) => void): Promise<Tab[]> {
  return await Promise.all(Array.from({ length: count }, (_, index) => openTab(index + 1, onFacts)));
}

function openTab(number: number, onFacts: (facts: readonly Told[]) => void): Promise<Tab> {
  const box = copyOf('#tab');
  box.dataset['tab'] = `${number}`;
  element('h3', box).textContent = `Tab ${number}`;
  element('.disc', box).textContent = `${number}`;
  const freezer = element('button', box);
  freezer.setAttribute('aria-label', `Freeze tab ${number}`);
  const frame = element('iframe', box) as HTMLIFrameElement;
  frame.title = `Tab ${number}`;
  frame.src = `/tab?number=${number}`;

  const callers = new Map<number, Caller>();
  let orders = 0;
  const order = (wanted: Order): Promise<void> => {
    const id = ++orders;
    frame.contentWindow?.postMessage({ id, order: wanted }, location.origin);
    return new Promise((resolve, reject) => callers.set(id, { resolve, reject }));
  };
  return new Promise((ready) => {
    addEventListener('message', ({ data, origin, source }: MessageEvent<FromTab>) => {
      if (origin !== location.origin || source !== frame.contentWindow) return;
      if ('ready' in data) {
        return ready({
          number,
          freezer,
          order,
          get isFrozen() {
            return freezer.getAttribute('aria-pressed') === 'true';
          },
        });
      }
      if ('facts' in data) return onFacts(data.facts);
      const caller = callers.get(data.done);
      callers.delete(data.done);
      if (data.error === undefined) caller?.resolve();
      else caller?.reject(new Error(data.error));
    });
    element('#tabs').append(box);
  });
}
