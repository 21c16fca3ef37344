/** One line of the table, in words. */
export interface Row {
  readonly what: string;
  /** The cost without any token manager, or with the least that can be done. */
  readonly floor: string;
  readonly handWritten: string;
  readonly ours: string;
  /** How sure the figure is: the median beside the minimum, the spread of the rounds. */
  readonly noise?: string;
  readonly aim?: string;
  /** Whether the aim is met; `undefined` where there is none. */
  readonly met?: boolean;
}

/** A measurement by its name on the command line. */
export type Measurement = () => Promise<Row[]>;
