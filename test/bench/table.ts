import type { Row } from './row.ts';

const head = {
  what: '',
  floor: 'floor',
  handWritten: 'hand-written',
  ours: 'tokenkeep',
  aim: 'aim',
  noise: 'noise',
};
const columns = Object.keys(head) as (keyof typeof head)[];

/** Lays rows out in columns; an aim that is missed is marked. */
export function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => ({ ...row, aim: aimOf(row), noise: row.noise ?? '' }));
  const widths = columns.map((name) => Math.max(...[head, ...cells].map((row) => row[name].length)));
  const line = (row: Record<keyof typeof head, string>) =>
    columns
      .map((name, column) => row[name].padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(head), widths.map((width) => '─'.repeat(width)).join('  '), ...cells.map(line)].join('\n');
}

function aimOf({ aim, met }: Row): string {
  if (aim === undefined) return '';
  return met === false ? `✗ ${aim}` : `✓ ${aim}`;
}
