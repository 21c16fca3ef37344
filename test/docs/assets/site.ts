/** The behaviour of the pages: variants as tabs, the switches in the header, copying code, and the search. */

interface SearchEntry {
  readonly page: string;
  readonly heading: string;
  readonly section: string;
  readonly url: string;
  readonly text: string;
}

/** The choices of the reader. They stay in the memory of the page if site data is blocked. */
const remembered = new Map<string, string>();

function recall(name: string): string | null {
  try {
    return localStorage.getItem(`tokenkeep-docs-${name}`);
  } catch {
    return remembered.get(name) ?? null;
  }
}

function remember(name: string, value: string): void {
  remembered.set(name, value);
  try {
    localStorage.setItem(`tokenkeep-docs-${name}`, value);
  } catch {
    // Kept in memory.
  }
}

function element<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Readonly<Record<string, string>>,
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  created.append(...children);
  return created;
}

const root = document.documentElement;
const base = root.dataset['root'] ?? '';

// Variants

/** Shows the variant with a name in a group, if the group has it. */
function choose(group: Element, name: string): void {
  const panels = [...group.querySelectorAll<HTMLElement>(':scope > .variant')];
  if (!panels.some(({ dataset }) => dataset['variant'] === name)) return;
  for (const panel of panels) panel.hidden = panel.dataset['variant'] !== name;
  for (const tab of group.querySelectorAll<HTMLElement>(':scope > [role=tablist] > [role=tab]')) {
    const isChosen = tab.textContent === name;
    tab.setAttribute('aria-selected', String(isChosen));
    tab.tabIndex = isChosen ? 0 : -1;
  }
}

function chooseEverywhere(name: string): void {
  for (const group of document.querySelectorAll('.variants[data-kind=platform]')) choose(group, name);
  const select = document.querySelector<HTMLSelectElement>('.platform select');
  if (select && [...select.options].some(({ text }) => text === name)) select.value = name;
}

function pick(group: HTMLElement, name: string): void {
  if (group.dataset['kind'] === 'platform') {
    remember('platform', name);
    chooseEverywhere(name);
  } else {
    choose(group, name);
  }
}

function makeTabs(group: HTMLElement): void {
  const panels = [...group.querySelectorAll<HTMLElement>(':scope > .variant')];
  const label = group.dataset['kind'] === 'platform' ? 'Platform' : 'Variant';
  const list = element('div', { role: 'tablist', 'aria-label': label });
  for (const panel of panels) {
    const name = panel.dataset['variant'] ?? '';
    const tab = element(
      'button',
      { role: 'tab', type: 'button', id: `${panel.id}-tab`, 'aria-controls': panel.id },
      name,
    );
    tab.addEventListener('click', () => pick(group, name));
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', tab.id);
    list.append(tab);
  }
  list.addEventListener('keydown', (event) => {
    const tabs = [...list.querySelectorAll<HTMLElement>('[role=tab]')];
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = tabs.at((tabs.indexOf(document.activeElement as HTMLElement) + step) % tabs.length);
    pick(group, next?.textContent ?? '');
    next?.focus();
  });
  group.prepend(list);
  choose(group, panels[0]?.dataset['variant'] ?? '');
}

for (const group of document.querySelectorAll<HTMLElement>('.variants')) makeTabs(group);

/** A link to a file or a variant that is hidden shows it. */
function showTarget(): void {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const panel = target?.closest<HTMLElement>('.variant');
  const group = panel?.parentElement;
  if (panel && group) choose(group, panel.dataset['variant'] ?? '');
  for (let at = target?.closest('details'); at; at = at.parentElement?.closest('details')) at.open = true;
  target?.scrollIntoView();
}
addEventListener('hashchange', showTarget);

// Switches

const platform = document.querySelector<HTMLSelectElement>('.platform select');
platform?.addEventListener('change', () => {
  remember('platform', platform.value);
  chooseEverywhere(platform.value);
});
chooseEverywhere(recall('platform') ?? 'Page');
if (location.hash.length > 1) showTarget();

const colours = document.querySelector<HTMLSelectElement>('.colours select');
if (colours) colours.value = recall('colours') ?? 'os';
colours?.addEventListener('change', () => {
  remember('colours', colours.value);
  if (colours.value === 'os') delete root.dataset['theme'];
  else root.dataset['theme'] = colours.value;
});

const menu = document.querySelector<HTMLButtonElement>('.menu');
menu?.addEventListener('click', () => {
  const isOpen = root.classList.toggle('menu-open');
  menu.setAttribute('aria-expanded', String(isOpen));
});
const pages = document.querySelector<HTMLElement>('.pages');
const current = pages?.querySelector<HTMLElement>('[aria-current]');
if (pages && current) pages.scrollTop = current.offsetTop - pages.clientHeight / 2;

// Copying

for (const button of document.querySelectorAll<HTMLButtonElement>('pre > button')) {
  button.addEventListener('click', async () => {
    const code = button.parentElement?.querySelector('code')?.innerText ?? '';
    try {
      await navigator.clipboard.writeText(code);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Not copied';
    }
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2000);
  });
}

// The heading that is read

const headings = [...document.querySelectorAll<HTMLElement>('main :is(h2, h3)[id]')];
const links = new Map(
  [...document.querySelectorAll<HTMLAnchorElement>('.on-page a')].map((link) => [link.hash.slice(1), link]),
);
function markHeading(): void {
  const read = headings.filter((heading) => heading.getBoundingClientRect().top < 140).at(-1) ?? headings[0];
  for (const [id, link] of links) link.toggleAttribute('data-read', id === read?.id);
}
if (links.size > 0) {
  addEventListener('scroll', markHeading, { passive: true });
  markHeading();
}

// Search

const dialog = document.querySelector<HTMLDialogElement>('dialog.search');
const input = dialog?.querySelector('input');
const found = dialog?.querySelector('ul');
const status = dialog?.querySelector('.status');
let index: readonly SearchEntry[] | undefined;
let chosen = 0;

function loadIndex(): Promise<readonly SearchEntry[]> {
  return new Promise((resolve, reject) => {
    if (index) return resolve(index);
    const script = element('script', { src: `${base}assets/search-index.js` });
    script.addEventListener('load', () => {
      index = (globalThis as unknown as { searchIndex: readonly SearchEntry[] }).searchIndex;
      resolve(index);
    });
    script.addEventListener('error', () => reject(new Error('The search index could not be loaded.')));
    document.head.append(script);
  });
}

/** How well a word fits a text: at the beginning, at the beginning of a word, inside of one, or not at all. */
function matchOf(text: string, word: string): number {
  const at = text.indexOf(word);
  if (at === -1) return 0;
  if (text === word) return 4;
  if (at === 0) return 3;
  return /\w/.test(text[at - 1] ?? '') ? 1 : 2;
}

/** Every word must occur. A title counts more than a heading, a heading more than text, a guide more than the reference. */
function score(entry: SearchEntry, words: readonly string[]): number {
  const page = entry.page.toLowerCase();
  const heading = entry.heading.toLowerCase();
  const text = entry.text.toLowerCase();
  let total = entry.section === 'Reference' ? 0 : 3;
  for (const word of words) {
    const best =
      matchOf(page, word) * (heading === '' ? 14 : 5) + matchOf(heading, word) * 8 + matchOf(text, word) * 2;
    if (best === 0) return 0;
    total += best;
  }
  return total;
}

function search(all: readonly SearchEntry[], query: string): readonly SearchEntry[] {
  const typed = query
    .toLowerCase()
    .split(/[\s,;]+/)
    .filter(Boolean);
  // "a", "in" and "to" are in every text, and say something only where nothing else does.
  const long = typed.filter((word) => word.length > 2);
  const words = long.length > 0 ? long : typed;
  if (words.length === 0) return [];
  return all
    .map((entry) => ({ entry, points: score(entry, words) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points)
    .slice(0, 12)
    .map(({ entry }) => entry);
}

function excerpt({ text }: SearchEntry, query: string): string {
  const word = query.toLowerCase().split(/\s+/)[0] ?? '';
  const at = Math.max(0, text.toLowerCase().indexOf(word) - 40);
  return `${at > 0 ? '… ' : ''}${text.slice(at, at + 130)}${text.length > at + 130 ? ' …' : ''}`;
}

function show(entries: readonly SearchEntry[], query: string): void {
  if (!found || !status || !input) return;
  chosen = 0;
  found.replaceChildren(
    ...entries.map((entry, position) => {
      const title = entry.heading ? `${entry.page} › ${entry.heading}` : entry.page;
      const link = element(
        'a',
        { href: base + entry.url, tabindex: '-1' },
        element('small', {}, entry.section),
        element('b', {}, title),
        element('span', {}, excerpt(entry, query)),
      );
      link.addEventListener('click', () => dialog?.close());
      return element('li', { role: 'option', id: `found-${position}` }, link);
    }),
  );
  input.setAttribute('aria-expanded', String(entries.length > 0));
  status.textContent =
    query.trim() === ''
      ? ''
      : entries.length === 0
        ? `Nothing found for “${query}”.`
        : `${entries.length} results`;
  mark();
}

function mark(): void {
  const options = [...(found?.children ?? [])];
  for (const [position, option] of options.entries())
    option.setAttribute('aria-selected', String(position === chosen));
  options[chosen]?.scrollIntoView({ block: 'nearest' });
  if (options.length > 0) input?.setAttribute('aria-activedescendant', `found-${chosen}`);
  else input?.removeAttribute('aria-activedescendant');
}

async function update(): Promise<void> {
  if (!input || !status) return;
  try {
    show(search(await loadIndex(), input.value), input.value);
  } catch (error) {
    status.textContent = (error as Error).message;
  }
}

function openSearch(): void {
  dialog?.showModal();
  input?.select();
  void update();
}

document.querySelector('.search-open')?.addEventListener('click', openSearch);
input?.addEventListener('input', () => void update());
input?.addEventListener('keydown', (event) => {
  const count = found?.children.length ?? 0;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step !== undefined && count > 0) {
    event.preventDefault();
    chosen = (chosen + step + count) % count;
    mark();
  }
  if (event.key === 'Enter') {
    event.preventDefault();
    found?.children[chosen]?.querySelector('a')?.click();
  }
});
dialog?.addEventListener('click', (event) => {
  if (event.target === dialog) dialog.close();
});
addEventListener('keydown', (event) => {
  const isTyping =
    event.target instanceof HTMLElement && /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  const isShortcut =
    (event.key === '/' && !isTyping) || (event.key === 'k' && (event.ctrlKey || event.metaKey));
  if (!isShortcut || dialog?.open) return;
  event.preventDefault();
  openSearch();
});

export {};
