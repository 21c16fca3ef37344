/** Elements of the page, which are there or something is wrong with it. */

export function element(selector: string, within: ParentNode = document): HTMLElement {
  const found = within.querySelector<HTMLElement>(selector);
  if (found === null) throw new Error(`The page has no ${selector}.`);
  return found;
}

/** A copy of what a `<template>` holds. */
export function copyOf(template: string): HTMLElement {
  const { content } = element(template) as HTMLTemplateElement;
  return content.firstElementChild?.cloneNode(true) as HTMLElement;
}

/** Sets a text, if it is another one: what did not change is not announced again. */
export function write(target: HTMLElement, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

/** `1 call`, `2 calls`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
