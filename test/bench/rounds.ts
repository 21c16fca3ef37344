/**
 * Rounds in which the contenders take turns, so that whatever else the machine does hits all of them.
 */
import { randomNumbers } from './random.ts';

/** The time of each contender in each round. */
export type Times<Name extends string> = Readonly<Record<Name, readonly number[]>>;

/**
 * Lets all contenders run once a round, in another order each time: nobody always comes after the one that leaves the most
 * garbage. Each says what it needed.
 */
export async function takeTurns<Name extends string>(
  rounds: number,
  contenders: Readonly<Record<Name, () => number | Promise<number>>>,
): Promise<Times<Name>> {
  const names = Object.keys(contenders) as Name[];
  const times = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Name, number[]>;
  const random = randomNumbers(rounds);
  for (let round = 0; round < rounds; round++) {
    for (const name of shuffled(names, random)) times[name].push(await contenders[name]());
  }
  return times;
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const keyed = items.map((item) => ({ item, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
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

/** Round by round: `one` in relation to `other`. A disturbance of a round affects both. */
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
