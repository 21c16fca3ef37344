/** A Markdown file of which each heading becomes a page: the reasons of an error code, the providers. */
import { anchorOf, firstSentence, type Page, raiseHeadings, splitSections } from './page.ts';

/** Returns the page with a list of its parts, and the parts. */
export function splitPage(page: Page): readonly Page[] {
  const { intro, sections } = splitSections(page.markdown);
  const folder = page.url.replace(/\.html$/, '');
  const parts = sections.map(({ heading, body }): Page => {
    const title = heading.replaceAll('`', '');
    const markdown = raiseHeadings(body);
    return {
      title,
      url: `${folder}/${anchorOf(title)}.html`,
      section: page.section,
      source: page.source,
      anchor: anchorOf(heading),
      summary: firstSentence(markdown),
      markdown,
      parent: page,
    };
  });
  return [Object.assign(page, { markdown: intro }), ...parts];
}
