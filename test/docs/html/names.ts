/** Names of the public API in code font lead to the reference. */
import type { SiteContent } from '../site-content.ts';
import { escapeHtml, relativeUrl } from './escape.ts';

/** Code in links, in headings and in blocks stays as it is. */
const untouched = /<(a|pre|h[1-6])\b.*?<\/\1>/gs;
const name = /<code>(\w+)((?:\([^<]*\))?)<\/code>/g;

export function linkNames(content: SiteContent, url: string, html: string): string {
  let linked = '';
  let end = 0;
  for (const { 0: text, index } of html.matchAll(untouched)) {
    linked += link(html.slice(end, index)) + text;
    end = index + text.length;
  }
  return linked + link(html.slice(end));

  function link(part: string): string {
    return part.replace(name, (code, identifier: string) => {
      const target = content.urlOfName(identifier);
      if (target === undefined || target === url) return code;
      return `<a class="name" href="${escapeHtml(relativeUrl(url, target))}">${code}</a>`;
    });
  }
}
