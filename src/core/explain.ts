/**
 * Marks the explanations of programming mistakes, which the production build replaces with the address of a page.
 *
 * @module
 */
import { isDevelopment, referenceUrl } from './build-facts.ts';
import type { MistakeCode } from './error-pages.ts';

/**
 * Returns the explanation of a programming mistake: in development `text`, in production the code of the mistake and
 * the address of its page. The production build removes `text` from the call, so its expressions must have no
 * effects. An error at run time, without a mistake in the program, is not marked: it keeps its text in every build.
 */
export function explain(code: MistakeCode, text: string): string {
  return isDevelopment ? text : `[${code}] ${referenceUrl}/errors/${code}`;
}
