/** Colours for a terminal; none for a file, a pipe, or someone who does not want them (no-color.org). */
export type Paint = Readonly<
  Record<'bold' | 'dim' | 'red' | 'green' | 'cyan' | 'yellow', (text: string) => string>
>;

export function paint(coloured: boolean = process.stdout.isTTY && !process.env['NO_COLOR']): Paint {
  const code = (on: number, off: number) => (text: string) =>
    coloured ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    bold: code(1, 22),
    dim: code(2, 22),
    red: code(31, 39),
    green: code(32, 39),
    cyan: code(36, 39),
    yellow: code(33, 39),
  };
}
