/**
 * Rounds in which the contenders take turns, so that whatever else the machine does hits all of them.
 */

/** What each contender needed in each round. */
export type Times<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/** Lets all contenders run once a round, each round beginning with another one. Each says what it needed. */
export async function takeTurns<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, () => number | Promise<number>>>,
): Promise<Times<Name>> {
  const names = Object.keys(contenders) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < names.length; turn++) {
      const name = names[(round + turn) % names.length] as Name;
      times[name].push(await contenders[name]());
    }
  }
  return times;
}

export function least(values: readonly number[]): number {
  return Math.min(...values);
}

/** The value that `share` of the values do not exceed. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Round by round: `one` in relation to `other`. What disturbs a round disturbs both. */
export function paired(
  one: readonly number[],
  other: readonly number[],
  relate: (one: number, other: number) => number,
): number[] {
  return one.map((value, round) => relate(value, other[round] ?? Number.NaN));
}

/** The middle half of the values, as text. */
export function middleHalf(values: readonly number[], format: (value: number) => string): string {
  return `${format(quantile(values, 0.25))} … ${format(quantile(values, 0.75))}`;
}
