/** The index that the search in the page looks through: one entry for each heading of each page. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { textOf } from './html/escape.ts';
import type { SiteContent } from './site-content.ts';

export interface SearchEntry {
  /** The title of the page. */
  readonly page: string;
  /** The heading. Empty: what stands before the first one. */
  readonly heading: string;
  /** The section of the site. */
  readonly section: string;
  readonly url: string;
  readonly text: string;
}

/** Of an export only the beginning is searched: its members have headings of their own. */
const maxReferenceText = 400;

export function searchIndex(folder: string, { pages, doors }: SiteContent): readonly SearchEntry[] {
  const guides = pages.flatMap(({ url, title, section }) =>
    entriesOf(folder, url, title, section, Number.POSITIVE_INFINITY),
  );
  const modules = doors.flatMap(({ url, name }) =>
    entriesOf(folder, url, name, 'Reference', maxReferenceText),
  );
  const exports = new Map(
    doors.flatMap(({ groups }) => groups.flatMap((group) => group.exports)).map((one) => [one.url, one]),
  );
  const members = [...exports.values()].flatMap(({ url, name }) =>
    entriesOf(folder, url, name, 'Reference', maxReferenceText),
  );
  return [...guides, ...modules, ...members];
}

function entriesOf(folder: string, url: string, page: string, section: string, limit: number): SearchEntry[] {
  const html = readFileSync(join(folder, url), 'utf8');
  const main = /<h1\b[^>]*>.*?<\/h1>(.*?)(?:<nav class="neighbours"|<\/main>)/s.exec(html)?.[1] ?? '';
  const entries: SearchEntry[] = [];
  for (const part of main.split(/(?=<h[23]\b[^>]*\bid=)/)) {
    const [, id = '', heading = ''] = /^<h[23]\b[^>]*\bid="([^"]+)"[^>]*>(.*?)<\/h[23]>/s.exec(part) ?? [];
    const title = textOf(heading.replace(/<a class="anchor".*?<\/a>/s, ''));
    const text = textOf(part.replace(/^<h[23].*?<\/h[23]>/s, '')).slice(0, limit);
    if (title === '' && text === '' && entries.length > 0) continue;
    entries.push({
      page: page.replaceAll('`', ''),
      heading: title,
      section,
      url: id ? `${url}#${id}` : url,
      text,
    });
  }
  return entries;
}
