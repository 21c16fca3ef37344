/**
 * The published JavaScript is what a debugger and a stack trace show, without source maps. So it keeps its names, its lines and the
 * comments that explain code. Documentation comments are left out: editors read them from the declarations.
 */
import { parseSync, Visitor } from 'rolldown/utils';
import type { Plugin } from 'rollup';

/** Leaves of each module what its readers need. */
export function readable(): Plugin {
  return { name: 'readable', renderChunk: withoutDocumentation };
}

/** Removes documentation comments that have lines of their own, and indents with tabs instead of four spaces. */
function withoutDocumentation(code: string): string {
  const { program, comments } = parseSync('module.js', code);
  const documentation = comments.filter(
    ({ type, value, end }) => type === 'Block' && value.startsWith('*') && code[end] === '\n',
  );
  // A line that begins within a text is a part of it.
  const texts: Span[] = [];
  new Visitor({ TemplateElement: (text) => void texts.push(text) }).visit(program);

  const lines: string[] = [];
  let offset = 0;
  for (const line of code.split('\n')) {
    const indent = line.length - line.trimStart().length;
    if (isWithin(texts, offset)) lines.push(line);
    else if (!isWithin(documentation, offset + indent)) lines.push(indentedWithTabs(line, indent));
    offset += line.length + 1;
  }
  return lines.join('\n');
}

interface Span {
  readonly start: number;
  readonly end: number;
}

function isWithin(spans: readonly Span[], offset: number): boolean {
  return spans.some(({ start, end }) => start <= offset && offset < end);
}

function indentedWithTabs(line: string, indent: number): string {
  return '\t'.repeat(Math.floor(indent / 4)) + ' '.repeat(indent % 4) + line.slice(indent);
}
