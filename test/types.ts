/**
 * `npm run types`: the sources, the tests and the examples, by the two compilers that users have.
 * TypeScript 7 is fast and comes first; TypeScript 6 is the one with an API, which most tools still use.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

const compilers = ['node_modules/typescript-7/bin/tsc', 'node_modules/typescript/bin/tsc6'];
const projects = ['tsconfig.json', 'test/tsconfig.json', 'examples/tsconfig.json'];

// TypeScript 6 uses one core for a project: the projects are checked at the same time.
for (const compiler of compilers) await Promise.all(projects.map((project) => check(compiler, project)));

async function check(compiler: string, project: string): Promise<void> {
  const child = spawn(process.execPath, [compiler, '--project', project, '--noEmit'], { stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code === 0) return;
  console.error(`${compiler} --project ${project} failed`);
  process.exitCode = 1;
}
