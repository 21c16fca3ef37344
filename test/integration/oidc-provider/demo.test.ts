/** `npm run demo` as a user runs it, and what it does when it would have to lie. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { beforeAll, expect, test } from 'vitest';
import { requireBuild } from '../../support/package/built.ts';

beforeAll(requireBuild);

async function demo(...options: string[]): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, [...options, 'examples/demo/main.ts'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, output, errors };
}

test('the demo runs to its end, every claim holds, and nothing else is printed', async () => {
  const { code, output, errors } = await demo();
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  expect(output).toMatch(/✔ all \d+ claims hold/);
  expect(output).not.toContain('✘');
  expect(output).not.toContain('\u001b');
  for (const chapter of [1, 2, 3, 4, 5, 6, 7]) expect(output).toMatch(new RegExp(`● ${chapter}  `));
});

test('the demo fails, and says what is false, when each refresh is sent twice', async () => {
  const { code, output } = await demo('--import', './test/integration/oidc-provider/support/send-twice.ts');
  expect(code).toBe(1);
  expect(output).toMatch(/✘ \d+ of \d+ claims are false/);
  expect(output).toContain('2  LoginRequiredError: ');
});
