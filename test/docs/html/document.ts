/** Turns the Markdown of a page into its HTML. */
import { dirname, join, normalize } from 'node:path/posix';
import type { Page } from '../pages/page.ts';
import type { SiteContent } from '../site-content.ts';
import { showDifferences } from './difference.ts';
import { escapeHtml, inline, relativeUrl } from './escape.ts';
import { embedPictures, fence } from './files.ts';
import { resolveLinks } from './links.ts';
import { linkNames } from './names.ts';
import { groupVariants } from './variants.ts';

export type RenderMarkdown = (markdown: string) => string;

export function renderDocument(content: SiteContent, page: Page, markdown: RenderMarkdown): string {
  const source = embedFiles(page, showDifferences(page.markdown)) + filesOf(page);
  const html = embedPictures(page.source, resolveLinks(content, page, markdown(source)));
  return linkNames(content, page.url, groupVariants(html)) + listOfParts(content, page);
}

/** A paragraph that is nothing but a link to a source file shows the file. */
const fileLink = /^\[([^\]]+)\]\(([^)#]+\.(?:tsx?|html|mjs))\)$/gm;

function embedFiles(page: Page, markdown: string): string {
  return markdown.replace(
    fileLink,
    (_, title: string, path: string) =>
      `<figure><figcaption>${escapeHtml(title)}</figcaption>\n\n${fence(normalize(join(dirname(page.source), path)))}\n\n</figure>`,
  );
}

/** A guide shows the files that its text links to, so that nothing has to be cloned to read it. */
function filesOf({ source, markdown }: Page): string {
  if (!/^examples\/[\w-]+\/README\.md$/.test(source)) return '';
  const linked = [...markdown.matchAll(/\]\(((?!\.\.)[\w./-]+\.(?:tsx?|html|mjs))\)/g)];
  const paths = new Set(linked.map(([, path = '']) => path));
  const files = [...paths].map((path) => `#### ${path}\n\n${fence(join(dirname(source), path))}\n`);
  return files.length === 0 ? '' : `\n\n## Files\n\n${files.join('\n')}`;
}

/** The pages beneath a page: the reasons of an error code, the providers. */
function listOfParts(content: SiteContent, page: Page): string {
  const parts = content.pages.filter(({ parent }) => parent === page.url);
  if (parts.length === 0) return '';
  const rows = parts.map(
    (part) =>
      `<li><a href="${relativeUrl(page.url, part.url)}">${inline(part.title)}</a><p>${inline(part.summary)}</p></li>`,
  );
  return `\n<ul class="parts">\n${rows.join('\n')}\n</ul>`;
}
