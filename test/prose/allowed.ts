/** Uses of a marker that stay, each with the reason. An entry that allows nothing any more fails the check. */
export interface Allowed {
  readonly file: string;
  /** The name of the marker. */
  readonly marker: string;
  /** Part of the line. */
  readonly text: string;
  readonly reason: string;
}

export const allowed: readonly Allowed[] = [];
