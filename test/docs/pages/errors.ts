/** Reads errors from the sources: classes, meanings, and the pages of programming mistakes. */
import { readFileSync } from 'node:fs';
import { errorPages } from '../../../src/core/error-pages.ts';
import type { Page } from './page.ts';

const source = readFileSync('src/core/errors.ts', 'utf8');
const configuration = 'errors/ERR_CONFIGURATION.html';

/** The registry of programming mistakes. */
export const mistakesSource = 'src/core/error-pages.ts';

interface KnownPage {
  readonly title: string;
  readonly explanation: string;
}
const known: Readonly<Record<string, KnownPage>> = errorPages;

/** The codes of errors, in the order of the registry. */
export const errorCodes: readonly string[] = Object.keys(known).filter((code) => code.startsWith('ERR_'));

/** The reasons of each code, with what the doc comment says about them. */
export const reasons: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map([
  ['ERR_LOGIN_REQUIRED', reasonsOf('LoginRequiredReason')],
  ['ERR_LOGIN_FAILED', reasonsOf('LoginFailedReason')],
  ['ERR_CONFIGURATION', reasonsOf('ConfigurationErrorReason')],
]);

/** The lines of a doc comment such as "- `no_tokens`: nobody has signed in yet." */
function reasonsOf(type: string): ReadonlyMap<string, string> {
  const end = source.indexOf(`export type ${type} =`);
  const comment = source.slice(source.lastIndexOf('/**', end), end).replace(/^ \* ?/gm, '');
  const lines = comment.replace(/\n {2}(?=\S)/g, ' ').matchAll(/^- `(\w+)`: (.*)$/gm);
  return new Map([...lines].map(([, reason = '', meaning = '']) => [reason, sentence(meaning)]));
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Adds the meaning of a code or a reason, and the class that has it. */
export function withErrorFacts(page: Page): Page {
  if (page.section !== 'Errors') return page;
  const name = page.title.replaceAll('`', '');
  const code = page.source.replace(/^.*\/|\.md$/g, '');
  if (name === code && known[code] !== undefined) {
    const { title, explanation } = known[code];
    const facts = `> **${title}.** ${explanation}\n\nClass: \`${classOf(code)}\`\n\n`;
    return { ...page, markdown: facts + page.markdown };
  }
  const meaning = reasons.get(code)?.get(name);
  if (meaning === undefined) return page;
  const facts = `> ${meaning}\n\nThe reason \`${name}\` of [\`${code}\`](${code}.md), class \`${classOf(code)}\`\n\n`;
  return { ...page, summary: meaning, markdown: facts + page.markdown };
}

function classOf(code: string): string {
  const [, name] =
    new RegExp(`class (\\w+) extends TokenKeepError \\{\\n.*\\n  readonly code = '${code}'`).exec(source) ??
    [];
  if (name === undefined) throw new Error(`src/core/errors.ts has no class with the code ${code}.`);
  return name;
}

/** One page for each programming mistake. In production the message names it in place of an explanation. */
export function mistakePages(): readonly Page[] {
  const mistakes = Object.entries(known).filter(([code]) => !code.startsWith('ERR_'));
  return mistakes.map(([code, { title, explanation }]) => ({
    title,
    url: `errors/${code}.html`,
    section: 'Errors',
    source: mistakesSource,
    anchor: code,
    summary: explanation,
    markdown: [
      `> ${explanation}`,
      `Code: \`${code}\`, a programming mistake that is reported as \`ERR_CONFIGURATION\``,
      'In development the message explains the mistake. In production it names this page, so that the explanation is not part of your bundle.',
      'Change your code or your configuration. The error does not end a session, and calling again does not help.',
    ].join('\n\n'),
    parent: configuration,
  }));
}
