/** The scripts of package.json run on every system: no shell of Unix, and a Node that `.ci/with-node.mjs` chooses. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const { scripts }: { scripts: Record<string, string> } = JSON.parse(readFileSync('package.json', 'utf8'));
const withNode = '.ci/with-node.mjs';

test('every command of a script is npm, or a program that .ci/with-node.mjs runs', () => {
  const commands = Object.values(scripts).flatMap((script) => script.split(' && '));
  expect(commands.length).toBeGreaterThan(10);
  const others = commands.filter(
    (command) => !/^(npm( run)?( --silent)? [\w:]+|node \.ci\/with-node\.mjs .+)$/.test(command),
  );
  expect(others).toEqual([]);
});

test('a program receives its parameters and the tools of the repository, and its status is that of the command', () => {
  const program = `console.log(JSON.stringify(process.argv.slice(1)));
    process.exitCode = require('node:child_process').spawnSync('biome', ['--version']).status === 0 ? 7 : 1;`;
  const parameters = [withNode, '--eval', program, '--', 'a b', '"c"'];
  const { status, stdout } = spawnSync(process.execPath, parameters, { encoding: 'utf8' });
  expect({ status, said: JSON.parse(stdout) }).toEqual({ status: 7, said: ['a b', '"c"'] });
});

test('a signal ends the program too', async () => {
  const program = `console.log(process.pid); setInterval(() => undefined, 1000);`;
  const command = spawn(process.execPath, [withNode, '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(command.stdout, 'data');
  command.kill('SIGTERM');
  const [status] = await once(command, 'exit');
  expect(status).toBe(128 + 15);
  expect(() => process.kill(Number(line), 0)).toThrow('ESRCH');
});
