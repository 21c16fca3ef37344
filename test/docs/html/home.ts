/** The first page: the beginning of the README, and the ways into the site. */
import { readFileSync } from 'node:fs';
import type { Page } from '../pages/page.ts';
import { splitSections } from '../pages/page.ts';
import type { SiteContent } from '../site-content.ts';
import type { RenderMarkdown } from './document.ts';
import { escapeHtml, inline } from './escape.ts';
import { resolveLinks } from './links.ts';
import { linkNames } from './names.ts';

export function renderHome(content: SiteContent, markdown: RenderMarkdown): string {
  const readme = splitSections(readFileSync('README.md', 'utf8').replace(/^# .*\n+/, ''));
  const page: Page = {
    title: 'tokenkeep',
    url: 'index.html',
    section: '',
    source: 'README.md',
    summary: '',
    markdown: '',
  };
  const render = (text: string) => linkNames(content, page.url, resolveLinks(content, page, markdown(text)));
  const promises = readme.sections.map(({ body }) => /^1\. \*\*.*?(?=\n\n)/ms.exec(body)?.[0]).find(Boolean);
  const panel = promises === undefined ? '' : `<div class="promises">${render(promises)}</div>`;
  return `<div class="first"><div class="hero">${actions}${render(readme.intro)}</div>${panel}</div>\n${ways(content)}`;
}

const actions =
  '<p class="actions"><a class="primary" href="start.html">Start in five minutes</a> <a href="concepts/how-a-refresh-works.html">How a refresh works</a> <a href="examples.html">Examples</a></p>';

/** One card for each section, with its first pages. */
function ways({ pages, doors }: SiteContent): string {
  const sections = [...new Set(pages.map(({ section }) => section))];
  const cards = sections.map((section) => {
    const all = pages.filter((page) => page.section === section && page.parent === undefined);
    const rows = all.slice(0, 7).map(({ url, title }) => `<li><a href="${url}">${inline(title)}</a></li>`);
    const more = all.length > rows.length ? `<li class="more">and ${all.length - rows.length} more</li>` : '';
    return `<section><h2>${escapeHtml(section)}</h2><ul>${rows.join('')}${more}</ul></section>`;
  });
  const names = doors.map(({ name, url }) => `<li><a href="${url}"><code>${name}</code></a></li>`);
  cards.push(`<section><h2>Reference</h2><ul>${names.join('')}</ul></section>`);
  return `<div class="ways">${cards.join('\n')}</div>`;
}
