/** Finds the English of a file: Markdown, comments, the titles of tests, and the messages of sources and examples. */
import ts from 'typescript';

/** A passage in one piece: a paragraph, a comment, a message, a title. */
export interface Passage {
  /** The line on which it begins, from 1. */
  readonly line: number;
  /** Its lines, without code and without the signs of a comment. A newline is still a newline. */
  readonly text: string;
}

/** Removes code, links' targets and tags from a passage, but no line of it. */
function withoutCode(text: string): string {
  return text
    .replaceAll(/`[^`\n]*`|\{@\w+ [^}\n]*\}|\]\([^)\s]*\)|https?:\/\/\S+|<\/?[a-z][^>\n]*>/gi, (found) =>
      found.startsWith(']') ? ']' : 'code',
    )
    .replaceAll(/["“][^"”\n]{1,60}["”]/g, 'quoted')
    .replaceAll(/^\s*@\w+/gm, '');
}

export function passagesOf(file: string, content: string): Passage[] {
  const found = /\.md$/.test(file)
    ? markdown(content)
    : /\.[mc]?tsx?$|\.mjs$/.test(file)
      ? program(file, content)
      : hashComments(content);
  return found.map(({ line, text }) => ({ line, text: withoutCode(text) }));
}

/** Paragraphs, items of lists and cells of tables. Headings are no sentences, and blocks of code are no English. */
function markdown(content: string): Passage[] {
  const passages: { line: number; text: string }[] = [];
  let fenced = false;
  let open = false;
  for (const [index, line] of content.split('\n').entries()) {
    if (/^\s*```/.test(line)) fenced = !fenced;
    const begins = /^\s*(?:[-*>]|\d+\.) /.exec(line);
    if (fenced || /^\s*(?:```|#|$|\|?[-| :]+$)/.test(line)) {
      open = false;
    } else if (line.startsWith('|')) {
      open = false;
      for (const cell of line.split('|')) {
        if (cell.trim() !== '') passages.push({ line: index + 1, text: cell.trim() });
      }
    } else if (open && !begins) {
      const last = passages.at(-1);
      if (last) last.text += `\n${line.trim()}`;
    } else {
      passages.push({ line: index + 1, text: line.slice(begins?.[0].length ?? 0).trim() });
      open = true;
    }
  }
  return passages;
}

/** Files of a shell and of YAML. */
function hashComments(content: string): Passage[] {
  return content.split('\n').flatMap((line, index) => {
    const [, text] = /(?:^|\s)#(?!!)\s*(.*)$/.exec(line) ?? [];
    return text ? [{ line: index + 1, text }] : [];
  });
}

function program(file: string, content: string): Passage[] {
  const tree = ts.createSourceFile(file, content, ts.ScriptTarget.Latest, false);
  const lineAt = (position: number) => tree.getLineAndCharacterOfPosition(position).line + 1;
  const passages: Passage[] = [];
  const isTest = file.startsWith('test/');
  /** The text with all literals blanked, so that every `//` in it begins a comment. */
  let code = content;
  const blank = (node: ts.Node) => {
    const from = skipTrivia(content, node.pos);
    code =
      code.slice(0, from) + content.slice(from, node.end).replaceAll(/[^\n]/g, ' ') + code.slice(node.end);
  };
  const visit = (node: ts.Node, title: boolean): void => {
    if (
      ts.isStringLiteralLike(node) ||
      ts.isTemplateHead(node) ||
      ts.isTemplateMiddle(node) ||
      ts.isTemplateTail(node)
    ) {
      const message = title || (!isTest && /\w+ \w+ \w+/.test(node.text));
      if (message) passages.push({ line: lineAt(skipTrivia(content, node.pos)), text: node.text });
      blank(node);
    } else if (node.kind === ts.SyntaxKind.RegularExpressionLiteral || ts.isJsxText(node)) {
      blank(node);
    }
    const titled = ts.isCallExpression(node) && isTitled(node) ? node.arguments[0] : undefined;
    ts.forEachChild(node, (child) => visit(child, child === titled || (title && isPartOfText(node))));
  };
  visit(tree, false);
  return [...passages, ...comments(code, content, lineAt)];
}

/** `test('…')`, `test.each(…)('…')`, `describe('…')`. */
function isTitled({ expression }: ts.CallExpression): boolean {
  let callee: ts.Node = expression;
  while (ts.isCallExpression(callee) || ts.isPropertyAccessExpression(callee)) callee = callee.expression;
  return ts.isIdentifier(callee) && ['test', 'it', 'describe'].includes(callee.text);
}

const isPartOfText = (node: ts.Node) => ts.isTemplateExpression(node) || ts.isTemplateSpan(node);

function skipTrivia(content: string, from: number): number {
  const trivia = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
  trivia.lastIndex = from;
  trivia.exec(content);
  return trivia.lastIndex;
}

/** Comments. Lines that begin with `//` in a row are one; paragraphs of a block are passages of their own. */
function comments(code: string, content: string, lineAt: (position: number) => number): Passage[] {
  const found = code.matchAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)*/g);
  return [...found].flatMap(({ 0: comment, index }) => {
    const lines = content
      .slice(index, index + comment.length)
      .split('\n')
      .map((line) => line.replace(/^\s*(?:\/\*\*?|\/\/|\*(?!\/))?\s?/, '').replace(/\*\/$/, ''));
    return paragraphs(lines, lineAt(index));
  });
}

/** Splits at empty lines, at items of lists and at tags, and leaves examples out. */
function paragraphs(lines: readonly string[], first: number): Passage[] {
  const passages: { line: number; text: string }[] = [];
  let fenced = false;
  let open = false;
  for (const [index, line] of lines.entries()) {
    if (/^\s*```/.test(line)) {
      fenced = !fenced;
      open = false;
    } else if (fenced || line.trim() === '' || /biome-ignore/.test(line)) {
      open = false;
    } else if (open && !/^\s*(?:[-*] |\d+\. |@)/.test(line)) {
      const last = passages.at(-1);
      if (last) last.text += `\n${line.trim()}`;
    } else {
      passages.push({ line: first + index, text: line.replace(/^\s*(?:[-*]|\d+\.) /, '').trim() });
      open = true;
    }
  }
  return passages;
}
