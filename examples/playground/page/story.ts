/** The story of a scene, line by line: the same that the timeline draws, in words. */
import { element } from './elements.ts';
import type { Told } from './facts.ts';
import { type Line, lineOf } from './telling.ts';

interface Written {
  readonly item: HTMLElement;
  times: number;
}

export class Story {
  readonly #list: HTMLElement = element('#story');
  /** By tab, since its latest line that stands alone. */
  readonly #recent: Map<number, Map<string, Written>> = new Map();
  #start = 0;

  /** A new scene: the one before is forgotten. */
  begin(at: number): void {
    this.#start = at;
    this.#recent.clear();
    this.#list.replaceChildren();
  }

  /** Something that the page did. */
  say(text: string, at: number): void {
    this.#write(0, { kind: text, isCounted: false, text: () => text }, at);
  }

  take(told: Told): void {
    const line = lineOf(told);
    if (line !== undefined) this.#write(told.tab, line, told.at);
  }

  #write(tab: number, { kind, isCounted, text }: Line, at: number): void {
    if (!isCounted) this.#recent.delete(tab);
    const recent = this.#recent.get(tab) ?? new Map<string, Written>();
    this.#recent.set(tab, recent);
    const before = recent.get(kind);
    if (before !== undefined) {
      before.times += 1;
      element('.text', before.item).textContent = text(before.times);
      return;
    }
    const item = document.createElement('li');
    if (tab > 0) item.dataset['tab'] = `${tab}`;
    const seconds = (Math.max(0, at - this.#start) / 1000).toFixed(3);
    for (const [name, content] of [
      ['time', seconds],
      ['who', tab > 0 ? `Tab ${tab}` : '—'],
      ['text', text(1)],
    ] as const) {
      const part = document.createElement('span');
      part.className = name;
      part.textContent = content;
      item.append(part, ' ');
    }
    recent.set(kind, { item, times: 1 });
    this.#list.append(item);
  }
}
