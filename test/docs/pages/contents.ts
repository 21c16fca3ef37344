/** The table of contents: `examples/guides/README.md`. Its headings are the sections of the site, its links are the pages. */
import { existsSync, readFileSync } from 'node:fs';
import { join, normalize } from 'node:path/posix';
import { anchorOf, type Page, raiseHeadings, splitSections } from './page.ts';
import { splitPage } from './split-page.ts';

export const contentsFile = 'examples/guides/README.md';

const link = /^- \[([^\]]+)\]\(([^)#]+)(?:#([^)]+))?\):? ?(.*)$/;

/** The files of which each heading becomes a page of its own: a reason of an error, a provider. */
const isSplit = /\/(?:errors\/ERR_\w+|providers)\.md$/;

/** Returns all pages that come from Markdown, in the order of the navigation. */
export function readPages(): readonly Page[] {
  const { sections } = splitSections(readFileSync(contentsFile, 'utf8'));
  return sections.flatMap(({ heading: section, body }) =>
    body
      .replace(/\n {2,}(?=\S)/g, ' ')
      .split('\n')
      .flatMap((line) => {
        const [, title, path, anchor, summary = ''] = link.exec(line) ?? [];
        if (title === undefined || path === undefined) return [];
        const page = readPage(section, title, normalize(join('examples/guides', path)), anchor, summary);
        return isSplit.test(page.source) ? splitPage(page) : [page];
      }),
  );
}

function readPage(
  section: string,
  title: string,
  source: string,
  anchor: string | undefined,
  summary: string,
): Page {
  if (!existsSync(source)) throw new Error(`${contentsFile} links to ${source}, which does not exist.`);
  const text = readFileSync(source, 'utf8').replace(/^# .*\n+/, '');
  const markdown = anchor === undefined ? text : sectionOf(source, text, anchor);
  return { title, url: urlOf(source, anchor), section, source, anchor, summary, markdown };
}

function sectionOf(source: string, text: string, anchor: string): string {
  const found = splitSections(text).sections.find(({ heading }) => anchorOf(heading) === anchor);
  if (found === undefined)
    throw new Error(`${contentsFile} links to ${source}#${anchor}, which does not exist.`);
  return raiseHeadings(found.body);
}

function urlOf(source: string, anchor: string | undefined): string {
  if (anchor !== undefined) return `${anchor}.html`;
  if (source === 'README.md') return 'overview.html';
  const path = source
    .replace(/^examples\/guides\/(?=\w+\/|(?:start|providers)\.)/, '')
    .replace(/^examples\/guides\//, 'guides/')
    .replace(/\/README\.md$|\.md$/, '');
  return `${path === path.toUpperCase() ? path.toLowerCase() : path}.html`;
}
