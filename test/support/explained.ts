import { isDevelopment } from '../../src/core/build-facts.ts';
import { errorPages } from '../../src/core/error-pages.ts';

/** Addresses of the pages that exist, as the production build writes them. */
const address = `\\[(?<code>${Object.keys(errorPages).join('|')})\\] https://tokenkeep\\.invalid/errors/\\k<code>\\b`;

/**
 * The words of an explanation, or in the production build the address of its page. For assertions about programming mistakes only,
 * because what fails at run time keeps its words in both builds. Doors for Node keep theirs too: there is no production build of them.
 */
export function explained(words: string | RegExp): RegExp {
  const [source, flags] =
    typeof words === 'string'
      ? [words.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), '']
      : [words.source, words.flags];
  return new RegExp(isDevelopment ? source : `${source}|${address}`, flags);
}
