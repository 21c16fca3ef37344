/**
 * npm run journey -- [--verbose]
 *
 * Follows one call through `src`: its access token is rejected, the manager refreshes, commits and sends the call again.
 * A getter that returns a private field counts as that field: it is read, not entered.
 * Prints how many functions and files the call enters, and how often it moves from one file to another: in all of `src`, and without the
 * ground floors `core`, `async` and `platform`.
 * With `--verbose` it prints every function in the order in which the call enters it.
 */
import { registerHooks } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { traced } from './traced.ts';

const { values } = parseArgs({ options: { verbose: { type: 'boolean', default: false } } });
const sources = new URL('../../src/', import.meta.url);
const entered: { file: string; name: string }[] = [];
Object.assign(globalThis, {
  __enter: (file: string, name: string) => void entered.push({ file, name }),
});

registerHooks({
  load(url, context, nextLoad) {
    const loaded = nextLoad(url, context);
    const isTraced = url.startsWith(sources.href) && !url.startsWith(`${sources.href}testing/`);
    if (!isTraced) return loaded;
    const file = relative(fileURLToPath(sources), fileURLToPath(url));
    return { format: 'module', source: traced(file, url), shortCircuit: true };
  },
});

const { TokenManager } = await import('../../src/index.ts');
const { authorizationServer } = await import('../../src/testing/index.ts');

const server = authorizationServer();
const manager = new TokenManager({
  clientId: 'test-client',
  authorizationServer: server.metadata,
  protectedResources: ['https://api.test/'],
  fetch: server.fetch,
});
await manager.setTokens(server.signIn());
await manager.fetch('https://api.test/before');
server.expire();
entered.length = 0;
const { status } = await manager.fetch('https://api.test/orders', { method: 'POST', body: 'one' });
const journey = [...entered];
if (status !== 200 || server.counts.refreshes !== 1)
  throw new Error('The call was not sent again after a refresh.');

if (values.verbose) for (const { file, name } of journey) console.log(`${file}  ${name}`);
print('in all of src', journey);
// Pure functions and timers are called from everywhere: a reader knows them by their names.
print(
  'above the ground floors',
  journey.filter(({ file }) => !/^(core|async|platform)\//.test(file)),
);

function print(where: string, steps: typeof journey): void {
  const functions = new Set(steps.map(({ file, name }) => `${file} ${name}`));
  const files = new Set(steps.map(({ file }) => file));
  const left = new Set<string>();
  let moves = 0;
  let returns = 0;
  for (const [index, { file }] of steps.entries()) {
    const before = steps[index - 1]?.file;
    if (before === undefined || before === file) continue;
    moves += 1;
    left.add(before);
    if (left.has(file)) returns += 1;
  }
  console.log(
    `${where}: ${functions.size} functions in ${files.size} files, ${moves} moves between files, ${returns} of them back into a file that was left before`,
  );
}
