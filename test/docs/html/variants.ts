/**
 * Headings of the fourth level that follow each other are variants of the same step: one for each platform, client or file. The
 * page shows one of them at a time, and without script all of them.
 */
import { anchorOfFile } from './files.ts';

/** The platforms of the switch. A choice applies to all pages. */
export const platforms = ['Page', 'React Native', 'Electron', 'Node', 'Edge'] as const;

const heading = /<h4\b[^>]*>(.*?)<\/h4>/gs;
const isFile = /^[\w./-]+\.(?:tsx?|html|mjs|css)$/;

export function groupVariants(html: string): string {
  return html
    .split(/(?=<h[1-3]\b)/)
    .map((part) => (part.includes('<h4') ? groupWithin(part) : part))
    .join('');
}

let groups = 0;

function groupWithin(part: string): string {
  const starts = [...part.matchAll(heading)];
  const [first] = starts;
  if (first === undefined || (starts.length < 2 && !isFile.test(titleOf(first)))) return part;
  groups += 1;
  const panels = starts.map((start, index) => {
    const title = titleOf(start);
    const body = part.slice(start.index + start[0].length, starts[index + 1]?.index);
    const id = isFile.test(title) ? anchorOfFile(title) : `variant-${groups}-${index}`;
    return `<section class="variant" id="${id}" data-variant="${title}"><h4>${title}</h4>${body}</section>`;
  });
  const isOfPlatforms = starts.some((start) => (platforms as readonly string[]).includes(titleOf(start)));
  return `${part.slice(0, first.index)}<div class="variants" data-kind="${isOfPlatforms ? 'platform' : 'other'}">${panels.join('\n')}</div>\n`;
}

/** The text of a heading, without the link to itself. */
function titleOf([, html = '']: RegExpExecArray): string {
  return html
    .replace(/<a\b.*<\/a>/s, '')
    .replace(/<[^>]*>/g, '')
    .trim();
}
