/**
 * A block of code that is marked as a difference is a whole program in its file, so that the tests compile and run it. The site
 * shows how it differs from the block before it.
 */

const block = /^```ts( difference)?\n(.*?)^```$/gms;

/** Lines without a change that are shown around one. */
const context = 2;

/** Replaces each block that begins with "```ts difference" by its difference from the last ordinary block. */
export function showDifferences(markdown: string): string {
  let base = '';
  return markdown.replace(block, (whole, isDifference: string | undefined, code: string) => {
    if (isDifference === undefined) {
      base = code;
      return whole;
    }
    if (base === '') throw new Error(`No block stands before this difference:\n${code}`);
    return `\`\`\`diff\n${differenceOf(base.trimEnd().split('\n'), code.trimEnd().split('\n')).join('\n')}\n\`\`\``;
  });
}

/** Returns the changed lines, and a few around them. */
export function differenceOf(before: readonly string[], after: readonly string[]): readonly string[] {
  const lines = align(before, after);
  const isNear = (index: number) =>
    lines.slice(Math.max(0, index - context), index + context + 1).some((line) => !line.startsWith(' '));
  return lines.flatMap((line, index) => {
    if (isNear(index)) return [line];
    return index > 0 && !isNear(index - 1) ? [] : [' …'];
  });
}

/** Marks each line as kept, removed or added, with as many kept lines as possible. */
function align(before: readonly string[], after: readonly string[]): readonly string[] {
  const common = longestCommon(before, after);
  const lines: string[] = [];
  let at = 0;
  let to = 0;
  while (at < before.length || to < after.length) {
    if (at < before.length && to < after.length && before[at] === after[to]) {
      lines.push(` ${before[at]}`);
      at += 1;
      to += 1;
    } else if (to >= after.length || (at < before.length && lengthAt(at + 1, to) >= lengthAt(at, to + 1))) {
      lines.push(`-${before[at]}`);
      at += 1;
    } else {
      lines.push(`+${after[to]}`);
      to += 1;
    }
  }
  return lines;

  function lengthAt(row: number, column: number): number {
    return common[row]?.[column] ?? 0;
  }
}

/** How many lines can be kept of what follows each pair of lines. */
function longestCommon(before: readonly string[], after: readonly string[]): readonly (readonly number[])[] {
  const lengths = Array.from({ length: before.length + 1 }, () =>
    new Array<number>(after.length + 1).fill(0),
  );
  for (let row = before.length - 1; row >= 0; row -= 1) {
    for (let column = after.length - 1; column >= 0; column -= 1) {
      const kept = before[row] === after[column] ? 1 + (lengths[row + 1]?.[column + 1] ?? 0) : 0;
      (lengths[row] as number[])[column] = Math.max(
        kept,
        lengths[row + 1]?.[column] ?? 0,
        lengths[row]?.[column + 1] ?? 0,
      );
    }
  }
  return lengths;
}
