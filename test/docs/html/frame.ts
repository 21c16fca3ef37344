/** The frame of every page: the header, the navigation, and the headings of the page. */
import type { SiteContent } from '../site-content.ts';
import { escapeHtml, inline, relativeUrl, textOf } from './escape.ts';
import { navigation } from './navigation.ts';
import { platforms } from './variants.ts';

export interface FramedPage {
  readonly url: string;
  readonly title: string;
  readonly section: string;
  /** The HTML of the page. */
  readonly main: string;
  readonly summary?: string | undefined;
  /** The kind of an export: `Function`. */
  readonly kind?: string | undefined;
  readonly parent?: { readonly title: string; readonly url: string } | undefined;
  readonly isHome?: boolean;
}

export function frame(content: SiteContent, page: FramedPage): string {
  const to = (url: string) => relativeUrl(page.url, url);
  const main = simplify(page.main);
  const title = [
    page.title,
    ...(page.parent ? [page.parent.title] : []),
    ...(page.isHome ? [] : ['tokenkeep']),
  ]
    .join(' · ')
    .replaceAll('`', '');
  const description = page.summary ? textOf(inline(page.summary)) : textOf(main).slice(0, 150);
  return `<!DOCTYPE html>
<html lang="en" data-root="${to('')}"${page.isHome ? ' class="home"' : ''}>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)}</title>
<meta name="description" content="${escapeHtml(description)}">
<link rel="icon" href="${to('assets/icon.svg')}" type="image/svg+xml">
<link rel="stylesheet" href="${to('assets/highlight.css')}">
<link rel="stylesheet" href="${to('assets/site.css')}">
<script src="${to('assets/before-paint.js')}"></script>
<script src="${to('assets/site.js')}" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="top">
<button type="button" class="menu" aria-expanded="false" aria-controls="navigation">Menu</button>
<a class="brand" href="${to('index.html')}">${mark}<span>tokenkeep</span><small>${escapeHtml(content.version)}</small></a>
<button type="button" class="search-open" aria-haspopup="dialog"><span>Search</span><kbd>/</kbd></button>
<label class="platform"><span>Platform</span><select>${platforms.map((name) => `<option>${name}</option>`).join('')}</select></label>
<label class="colours"><span>Colours</span><select><option value="os">System</option><option value="light">Light</option><option value="dark">Dark</option></select></label>
</header>
<div class="columns">
<nav id="navigation" class="pages" aria-label="Documentation">${navigation(content, page)}</nav>
<main id="content" tabindex="-1">
${page.isHome ? heroTitle : pageTitle(page, to)}
${main}
${page.isHome ? '' : neighbours(content, page, to)}
</main>
${headingsOf(page, main)}
</div>
${search}
</body>
</html>
`;
}

/** A ring that closes on itself: a token, and its successor. */
const mark =
  '<svg viewBox="0 0 32 32" aria-hidden="true"><circle cx="16" cy="16" r="11" class="ring"/><path d="M16 5a11 11 0 0 1 9.5 5.5" class="arc"/><circle cx="16" cy="16" r="4" class="coin"/></svg>';

export const icon =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="11" fill="none" stroke="#2a5bc7" stroke-width="4"/><circle cx="16" cy="16" r="4" fill="#b3541e"/></svg>\n';

const heroTitle = '<h1 class="name">tokenkeep</h1>';

const search = `<dialog class="search" aria-label="Search the documentation">
<form method="dialog"><label><span class="unseen">Search the documentation</span><input type="text" role="combobox" aria-expanded="false" aria-controls="found" aria-autocomplete="list" autocomplete="off" spellcheck="false" placeholder="Search: an option, an error, a task"></label><button>Close</button></form>
<p class="status" role="status"></p>
<ul id="found" class="found" role="listbox" aria-label="Results"></ul>
</dialog>`;

function pageTitle({ title, section, kind, parent }: FramedPage, to: (url: string) => string): string {
  const way = [
    `<span>${escapeHtml(section)}</span>`,
    ...(parent === undefined ? [] : [`<a href="${to(parent.url)}">${inline(parent.title)}</a>`]),
    ...(kind === undefined ? [] : [`<span>${escapeHtml(kind)}</span>`]),
  ];
  return `<p class="way">${way.join('<span aria-hidden="true"> / </span>')}</p>\n<h1>${inline(title)}</h1>`;
}

/** TypeDoc's icons are replaced by text, and what can scroll can be reached by keyboard. */
function simplify(html: string): string {
  return html
    .replace(
      /<a href="(#[^"]*)" aria-label="Permalink"[^>]*><svg.*?<\/svg><\/a>/gs,
      '<a class="anchor" href="$1" aria-label="Permalink">#</a>',
    )
    .replace(/<svg\b(?![^>]*data-keep).*?<\/svg>/gs, '')
    .replace(/<code class="tsd-tag">Readonly<\/code>\s*/g, '')
    .replace(/<pre>/g, '<pre tabindex="0">')
    .replace(/<(div|li) class="tsd-signature(?=[ "])/g, '<$1 tabindex="0" class="tsd-signature')
    .replace(/<table>/g, '<div class="table" tabindex="0" role="region" aria-label="Table"><table>')
    .replace(/<\/table>/g, '</table></div>');
}

function headingsOf({ isHome }: FramedPage, main: string): string {
  const headings = [...main.matchAll(/<h([23])\b[^>]*\bid="([^"]+)"[^>]*>(.*?)<\/h\1>/gs)];
  if (isHome || headings.length < 2) return '<aside class="on-page"></aside>';
  const rows = headings.map(
    ([, level, id = '', text = '']) =>
      `<li class="level-${level}"><a href="#${id}">${escapeHtml(textOf(text.replace(/<a class="anchor".*?<\/a>|<code class="tsd-tag">.*?<\/code>/gs, '')))}</a></li>`,
  );
  return `<aside class="on-page"><nav aria-label="On this page"><p>On this page</p><ul>${rows.join('')}</ul></nav></aside>`;
}

/** The page before and the page after this one. */
function neighbours({ pages }: SiteContent, { url }: FramedPage, to: (url: string) => string): string {
  const at = pages.findIndex((page) => page.url === url);
  if (at === -1) return '';
  const link = (page: (typeof pages)[number] | undefined, name: string) =>
    page === undefined
      ? ''
      : `<a class="${name}" href="${to(page.url)}"><small>${name === 'before' ? 'Previous' : 'Next'}</small>${inline(page.title)}</a>`;
  return `<nav class="neighbours" aria-label="Previous and next page">${link(pages[at - 1], 'before')}${link(pages[at + 1], 'after')}</nav>`;
}
