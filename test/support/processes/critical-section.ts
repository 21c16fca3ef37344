/**
 * Where a process can die or stand still while it refreshes: before and after every await of the critical section, by the
 * number of its step in the README, and what has happened by then.
 */
export interface Point {
  readonly step: 2 | 3 | 4 | 5 | 6 | 7;
  readonly at: string;
  /** Whether it holds the lock. */
  readonly locked: boolean;
  /** Nothing was sent; the server has rotated, and nobody else knows; the successor is stored. */
  readonly token: 'unspent' | 'spent' | 'stored';
}

const point = (step: Point['step'], at: string, token: Point['token'], locked = true): Point => ({
  step,
  at,
  locked,
  token,
});

/** All of them, in order. The two within the POST, where the server has it, are made by the server. */
export const points: readonly Point[] = [
  point(2, 'before read', 'unspent', false),
  point(2, 'after read', 'unspent', false),
  point(2, 'before lock', 'unspent', false),
  point(3, 'locked', 'unspent'),
  point(3, 'before read 2', 'unspent'),
  point(4, 'after read 2', 'unspent'),
  point(5, 'before server', 'unspent'),
  point(5, 'after server', 'unspent'),
  point(5, 'before authentication', 'unspent'),
  point(5, 'after authentication', 'unspent'),
  point(5, 'before write', 'unspent'),
  point(5, 'after write', 'unspent'),
  point(5, 'before POST', 'unspent'),
  point(6, 'after POST', 'spent'),
  point(6, 'body', 'spent'),
  point(6, 'before write 2', 'spent'),
  point(6, 'after write 2', 'stored'),
  point(6, 'before read 3', 'stored'),
  point(6, 'after read 3', 'stored'),
  point(7, 'unlocking', 'stored'),
  point(7, 'after lock', 'stored', false),
];
