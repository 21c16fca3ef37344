/** Links of Markdown files lead to files of the repository. On the site they lead to the pages that come from those files. */
import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import { contentsFile } from '../pages/contents.ts';
import type { Page } from '../pages/page.ts';
import type { SiteContent } from '../site-content.ts';
import { escapeHtml, relativeUrl } from './escape.ts';
import { anchorOfFile } from './files.ts';

const elsewhere = /^(?:https?:|mailto:|#)/;

export function resolveLinks(content: SiteContent, page: Page, html: string): string {
  return html.replace(
    /<a href="([^"]*)"([^>]*)>(.*?)<\/a>/gs,
    (whole, href: string, rest: string, text: string) => {
      if (elsewhere.test(href)) return linkWithin(content, page, href) ?? whole;
      const [path = '', anchor] = decodeURI(href).split('#');
      const file = normalize(join(dirname(page.source), path)).replace(/\/$/, '');
      const url = urlOfFile(content, page, file, anchor);
      if (url === undefined) content.reportDeadLink(page.source, href);
      // Without a known repository a link to one of its files is left out: it would lead nowhere.
      return url ? `<a href="${escapeHtml(url)}"${rest}>${text}</a>` : text;

      function linkWithin({ pages }: SiteContent, { source }: Page, target: string): string | undefined {
        const part = pages.find(
          (one) => one.source === source && one.anchor === target.slice(1) && one !== page,
        );
        return part && `<a href="${relativeUrl(page.url, part.url)}"${rest}>${text}</a>`;
      }
    },
  );
}

/** Returns where a file is shown, an empty text if it is shown nowhere, `undefined` if there is no such file. */
function urlOfFile(
  content: SiteContent,
  page: Page,
  file: string,
  anchor: string | undefined,
): string | undefined {
  const { pages, repository } = content;
  const source = existsSync(file) && statSync(file).isDirectory() ? `${file}/README.md` : file;
  if (source === contentsFile) return relativeUrl(page.url, 'index.html');
  const part = pages.find(
    (one) => one.source === source && one.anchor !== undefined && one.anchor === anchor,
  );
  if (part !== undefined) return relativeUrl(page.url, part.url);
  const whole = pages.find((one) => one.source === source && one.anchor === undefined);
  if (whole !== undefined)
    return relativeUrl(page.url, whole.url) + (anchor === undefined ? '' : `#${anchor}`);
  const guide = pages.find((one) => one.source === `${dirname(file)}/README.md`);
  if (guide !== undefined && existsSync(file))
    return `${guide === page ? '' : relativeUrl(page.url, guide.url)}#${anchorOfFile(file)}`;
  if (!existsSync(source)) return undefined;
  return repository === undefined ? '' : `${repository}/blob/HEAD/${source}`;
}
