/**
 * `npm run types`: the sources, the tests and the examples, by the two compilers that users have.
 * TypeScript 7 is fast and comes first; TypeScript 6 is the one with an API, which most tools still use.
 */
import { spawnSync } from 'node:child_process';

const compilers = ['node_modules/typescript-7/bin/tsc', 'node_modules/typescript/bin/tsc6'];
const projects = ['tsconfig.json', 'test/tsconfig.json', 'examples/tsconfig.json'];

for (const compiler of compilers) {
  for (const project of projects) {
    const { status } = spawnSync(process.execPath, [compiler, '--project', project, '--noEmit'], {
      stdio: 'inherit',
    });
    if (status !== 0) {
      console.error(`${compiler} --project ${project} failed`);
      process.exitCode = 1;
    }
  }
}
