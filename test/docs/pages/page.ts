/** A page of the site that comes from Markdown. */
export interface Page {
  readonly title: string;
  /** Where the page is, from the root of the site: `guides/storages.html`. */
  readonly url: string;
  /** The heading of the table of contents under which the page stands. */
  readonly section: string;
  /** The file that the text comes from. Its relative links start there. */
  readonly source: string;
  /** The heading of `source` of which this page is a part, as an anchor. */
  readonly anchor?: string | undefined;
  /** One sentence for lists and for search engines, in Markdown. */
  readonly summary: string;
  readonly markdown: string;
  /** The URL of the page under which this page stands in the navigation. */
  readonly parent?: string | undefined;
}

/** Returns the anchor of a heading, as GitHub and TypeDoc form it. */
export function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[`*]/g, '')
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replace(/[^\p{L}\p{N}_\- ]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

/** A part of a Markdown file under one of its headings of the second level. */
export interface MarkdownSection {
  readonly heading: string;
  readonly body: string;
}

/** Returns what stands before the first heading of the second level, and the sections after it. */
export function splitSections(markdown: string): {
  readonly intro: string;
  readonly sections: readonly MarkdownSection[];
} {
  const parts: string[][] = [[]];
  let isInCode = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) isInCode = !isInCode;
    if (!isInCode && line.startsWith('## ')) parts.push([]);
    parts.at(-1)?.push(line);
  }
  const [intro = [], ...sections] = parts;
  return {
    intro: intro.join('\n').trim(),
    sections: sections.map(([heading = '', ...body]) => ({
      heading: heading.slice(3).trim(),
      body: body.join('\n').trim(),
    })),
  };
}

/** Raises headings by one level, for a section that becomes a page. */
export function raiseHeadings(markdown: string): string {
  let isInCode = false;
  return markdown
    .split('\n')
    .map((line) => {
      if (line.startsWith('```')) isInCode = !isInCode;
      return isInCode ? line : line.replace(/^##(#+ )/, '#$1');
    })
    .join('\n');
}

/** Returns the first sentence of a text, for lists. */
export function firstSentence(markdown: string): string {
  const paragraph = markdown.split(/\n\n/).find((part) => /^[\w`*[]/.test(part)) ?? '';
  return /^(?:[^.`]|`[^`]*`|\.(?!\s|$))*\.?/.exec(paragraph.replaceAll('\n', ' '))?.[0] ?? '';
}
