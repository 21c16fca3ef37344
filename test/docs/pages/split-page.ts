/** A Markdown file of which each heading becomes a page: the reasons of an error code, the providers. */
import { anchorOf, firstSentence, type Page, raiseHeadings, splitSections } from './page.ts';

/** Returns the page without its parts, and the parts. */
export function splitPage(page: Page): readonly Page[] {
  const { intro, sections } = splitSections(page.markdown);
  const base = page.url.replace(/\.html$/, '');
  // The address of an error is also linked without its extension, so there must be no folder of that name.
  const separator = page.section === 'Errors' ? '-' : '/';
  const parts = sections.map(({ heading, body }): Page => {
    const title = heading.replaceAll('`', '');
    const markdown = raiseHeadings(body);
    return {
      title: heading,
      url: `${base}${separator}${anchorOf(title)}.html`,
      section: page.section,
      source: page.source,
      anchor: anchorOf(heading),
      summary: firstSentence(markdown),
      markdown,
      parent: page.url,
    };
  });
  return [{ ...page, markdown: intro }, ...parts];
}
