import { sizeOf } from '../support/package/bundle.ts';
import { manifest } from '../support/package/manifest.ts';
import type { Row } from './row.ts';

const code = "export { TokenManager } from 'tokenkeep'";

/** The download size of a page, by origin: a dependency's share is the saving without it. */
export async function bundle(): Promise<Row[]> {
  const dependencies = Object.keys(manifest.dependencies);
  const whole = await sizeOf(code);
  const text = (bytes: number) => `${(bytes / 1_000).toFixed(2)} kB`;
  const row = { floor: '', handWritten: '' };
  const shares = dependencies.map(async (name) => ({
    ...row,
    what: `  of that ${name}`,
    ours: text(whole - (await sizeOf(code, { external: [name] }))),
  }));
  return [
    { ...row, what: 'everything', ours: text(whole), aim: '≤ 15 kB', met: whole <= 15_000 },
    {
      ...row,
      what: '  of that tokenkeep itself',
      ours: text(await sizeOf(code, { external: dependencies })),
    },
    ...(await Promise.all(shares)),
  ];
}
