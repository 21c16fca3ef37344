/**
 * The package is built twice. The ordinary build explains programming mistakes in words. The production build, for pages,
 * names the page of the reference that explains the mistake. Only two marks in the source differ between the builds:
 * `explain(code, words)` and the constants of `src/core/build-facts.ts`. Nothing is found by the look of a text.
 */
import MagicString from 'magic-string';

export type BuildName = 'ordinary' | 'production';

/** The part of a plugin that Rollup and Vite call in the same way. */
interface Transforming {
  parse(code: string): unknown;
  error(message: string): never;
}

export interface BuildPlugin {
  name: string;
  load(id: string): string | undefined;
  transform(
    this: Transforming,
    code: string,
    id: string,
  ): { code: string; map: ReturnType<MagicString['generateMap']> } | undefined;
}

/** Applies the marks to modules of JavaScript: those that the compiler emitted, or those that Vite made for a test. */
export function twoBuilds(build: BuildName, reference = 'https://tokenkeep.invalid'): BuildPlugin {
  return {
    name: `${build}-build`,
    load(id) {
      if (!/\/core\/build-facts\.[jt]s$/.test(withSlashes(id))) return undefined;
      return [
        `export const isDevelopment = ${build === 'ordinary'};`,
        `export const referenceUrl = ${JSON.stringify(reference)};`,
      ].join('\n');
    },
    transform(code, id) {
      const path = withSlashes(id);
      if (!/\/src\/|\/\.build\//.test(path) || /\/core\/explain\.[jt]s$/.test(path)) return undefined;
      const calls = explanations(this.parse(code), (problem) => this.error(`${id}: ${problem}`));
      if (calls.length === 0) return undefined;
      const changed = new MagicString(code);
      for (const { call, page, words } of calls) {
        // In development the words remain, in production the call without them.
        if (build === 'ordinary') changed.overwrite(call.start, words.start, '(');
        changed.overwrite(build === 'ordinary' ? words.end : page.end, call.end, ')');
      }
      return { code: changed.toString(), map: changed.generateMap({ hires: 'boundary' }) };
    },
  };
}

/** Rollup names modules as Windows does, with backslashes. */
function withSlashes(id: string): string {
  return id.replaceAll('\\', '/');
}

/** A node of a syntax tree as ESTree describes it. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [member: string]: unknown;
}

interface Explanation {
  readonly call: Node;
  readonly page: Node;
  readonly words: Node;
}

/** Finds the calls of `explain()`. Every use of the name must be such a call, so that no mark is overlooked. */
function explanations(tree: unknown, refuse: (problem: string) => never): readonly Explanation[] {
  const nodes = [...nodesOf(tree)];
  const isImported = nodes.some(
    ({ type, source }) => type === 'ImportDeclaration' && /\/explain\.[jt]s$/.test(specifierOf(source)),
  );
  if (!isImported) return [];
  const calls = nodes.filter(({ type, callee }) => type === 'CallExpression' && isName(callee));
  // An import names it twice: as it is exported and as it is known here.
  const uses = nodes.filter(isName).length - 2;
  if (uses !== calls.length) refuse('explain() must be called where it is used, under its own name.');
  return calls.map((call) => {
    const [page, words, ...more] = call['arguments'] as readonly (Node | undefined)[];
    if (page?.type !== 'Literal' || words === undefined || more.length > 0) {
      return refuse("explain() takes a literal code and the words: explain('code', 'The option …').");
    }
    return { call, page, words };
  });
}

function* nodesOf(value: unknown): Generator<Node> {
  if (typeof value !== 'object' || value === null) return;
  if ('type' in value) yield value as Node;
  for (const member of Object.values(value)) yield* nodesOf(member);
}

function isName(node: unknown): boolean {
  const { type, name } = (node ?? {}) as { type?: unknown; name?: unknown };
  return type === 'Identifier' && name === 'explain';
}

function specifierOf(source: unknown): string {
  return String((source as { value?: unknown } | undefined)?.value);
}
