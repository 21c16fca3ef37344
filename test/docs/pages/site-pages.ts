/** All pages that come from Markdown, with the facts that the sources add to them. */
import { readPages } from './contents.ts';
import { mistakePages, withErrorFacts } from './errors.ts';
import { withProofs } from './laws.ts';
import type { Page } from './page.ts';
import { withProviderFacts } from './providers.ts';

export function sitePages(): readonly Page[] {
  const pages = readPages().map((page) => withProofs(withProviderFacts(withErrorFacts(page))));
  const last = pages.findLastIndex(({ section }) => section === 'Errors');
  return pages.toSpliced(last + 1, 0, ...mistakePages());
}
