/** The navigation: every section with its pages, every entry point, and the exports of the one that is shown. */
import { mistakesSource } from '../pages/errors.ts';
import type { Page } from '../pages/page.ts';
import type { Door, SiteContent } from '../site-content.ts';
import { escapeHtml, inline, relativeUrl } from './escape.ts';

interface Shown {
  readonly url: string;
  readonly section: string;
}

/** There are many, and errors link to them: the navigation shows only the one that is read. */
const isMistake = ({ source }: Page) => source === mistakesSource;

export function navigation(content: SiteContent, shown: Shown): string {
  const link = (url: string, title: string) =>
    `<a href="${relativeUrl(shown.url, url)}"${url === shown.url ? ' aria-current="page"' : ''}>${inline(title)}</a>`;
  const sections = [...new Set(content.pages.map(({ section }) => section))];
  const before = sections.filter((section) => section !== 'Changelog');
  const all = [
    ...before.map((section) => group(section, pagesOf(section, undefined))),
    group('Reference', content.doors.map(door).join('')),
    ...sections
      .filter((section) => section === 'Changelog')
      .map((section) => group(section, pagesOf(section, undefined))),
  ];
  return all.join('\n');

  function group(title: string, rows: string): string {
    const isOpen = shown.section === title || (shown.section === '' && title === 'Start');
    return `<details${isOpen ? ' open' : ''}><summary>${escapeHtml(title)}</summary><ul>${rows}</ul></details>`;
  }

  function pagesOf(section: string, parent: string | undefined): string {
    return content.pages
      .filter((page) => page.section === section && page.parent === parent)
      .filter((page) => !isMistake(page) || page.url === shown.url)
      .map((page) => `<li>${link(page.url, page.title)}${partsOf(page)}</li>`)
      .join('');
  }

  /** The parts of a page are shown while it or one of them is. */
  function partsOf(page: Page): string {
    const parts = content.pages.filter(({ parent }) => parent === page.url);
    const isShown = [page, ...parts].some(({ url }) => url === shown.url);
    return parts.length > 0 && isShown ? `<ul>${pagesOf(page.section, page.url)}</ul>` : '';
  }

  function door({ name, url, groups }: Door): string {
    const isShown =
      url === shown.url || groups.some(({ exports }) => exports.some((one) => one.url === shown.url));
    const inner = isShown
      ? groups
          .map(
            ({ title, exports }) =>
              `<li class="task"><span>${escapeHtml(title)}</span><ul>${exports.map((one) => `<li>${link(one.url, `\`${one.name}\``)}</li>`).join('')}</ul></li>`,
          )
          .join('')
      : '';
    return `<li>${link(url, `\`${name}\``)}${inner && `<ul>${inner}</ul>`}</li>`;
  }
}
