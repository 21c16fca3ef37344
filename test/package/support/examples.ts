import { globSync, readFileSync } from 'node:fs';

export interface Example {
  /** As `README.md:12`, the line of the first line of code. */
  where: string;
  code: string;
}

/** Languages whose blocks would be code, but that no compiler of ours checks. */
const unchecked = /^(js|mjs|javascript|jsx|tsx|mts|typescript)$/;

/** The `ts` blocks of the README and of the guides. */
export function pageExamples(): Example[] {
  return [
    'README.md',
    ...globSync('examples/guides/**/*.md')
      .map((file) => file.replaceAll('\\', '/'))
      .sort(),
  ].flatMap((file) => blocks(file, readFileSync(file, 'utf8').split('\n')));
}

/** Whether an example is the script of a page. */
export const isForBrowsers = ({ code }: Example) => code.includes("from 'tokenkeep/browser'");

/** The `ts` blocks behind each `@example` in the doc comments of src/. */
export function docExamples(): Example[] {
  return globSync('src/**/*.ts')
    .sort()
    .flatMap((file) => {
      const lines = readFileSync(file, 'utf8').split('\n');
      // Lines outside of doc comments are blanked, so that the numbers stay.
      return blocks(
        file,
        lines.map((line) => (/^\s*\*( |$)(?!\/)/.exec(line) ? line.replace(/^\s*\* ?/, '') : '')),
      );
    });
}

/** Doc comments that announce an example and show none. */
export function emptyExamples(): string[] {
  return globSync('src/**/*.ts').flatMap((file) => {
    const announced = readFileSync(file, 'utf8').match(/^\s*\*\s*@example\b/gm)?.length ?? 0;
    const shown = docExamples().filter(({ where }) => where.startsWith(`${file}:`)).length;
    return announced > shown ? [`${file}: ${announced} announced, ${shown} shown`] : [];
  });
}

function blocks(file: string, lines: string[]): Example[] {
  const found: Example[] = [];
  let open: { language: string; start: number } | undefined;
  for (const [index, line] of lines.entries()) {
    const fence = /^```(\w*)/.exec(line);
    if (!fence) continue;
    if (!open) {
      open = { language: fence[1] ?? '', start: index + 1 };
      continue;
    }
    const where = `${file}:${open.start + 1}`;
    if (unchecked.test(open.language))
      throw new Error(`${where}: write \`ts\`, not \`${open.language}\`: only ts blocks are compiled`);
    if (open.language === 'ts') found.push({ where, code: lines.slice(open.start, index).join('\n') });
    open = undefined;
  }
  return found;
}
