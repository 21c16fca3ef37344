/** `npm run demo` as a user runs it, and what it does when it would have to lie. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { beforeAll, expect, test } from 'vitest';
import { paint } from '../../examples/demo/paint.ts';
import { Story } from '../../examples/demo/story.ts';
import { requireBuild } from '../package/support/built.ts';

beforeAll(requireBuild);

async function demo(...options: string[]): Promise<{ code: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, [...options, 'examples/demo/main.ts'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  return { code, output, errors };
}

test('the demo tells its story, every claim holds, and nothing else is printed', async () => {
  const { code, output, errors } = await demo();
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  expect(output).toMatch(/✔ all \d+ claims hold/);
  expect(output).not.toContain('✘');
  expect(output).not.toContain('\u001b');
  for (const chapter of [1, 2, 3, 4, 5, 6, 7]) expect(output).toMatch(new RegExp(`● ${chapter}  `));
});

test('the demo fails, and says what is false, when each refresh is sent twice', async () => {
  const { code, output } = await demo('--import', './test/provider/support/send-twice.ts');
  expect(code).toBe(1);
  expect(output).toMatch(/✘ \d+ of \d+ claims are false/);
  expect(output).toMatch(/✘ refresh tokens reused +\d+ +expected 0/);
});

function story(measure: () => { calls: number }): { story: Story<'calls'>; lines: string[] } {
  const lines: string[] = [];
  const columns = { calls: 'calls' };
  return {
    story: new Story({
      measure,
      columns,
      deadly: [],
      write: (line) => lines.push(line),
      paint: paint(false),
    }),
    lines,
  };
}

test('a story whose claims hold ends well', async () => {
  const counters = { calls: 3 };
  const { story: told, lines } = story(() => ({ ...counters }));
  await told.chapter('One', ({ claim, facts }) => {
    counters.calls += 2;
    claim('calls', facts().calls, 2);
    return Promise.resolve();
  });
  expect(told.close()).toBe(0);
  expect(lines.join('\n')).toContain('all 1 claims hold');
});

test('a false claim makes the story false and is named at its end', async () => {
  const { story: told, lines } = story(() => ({ calls: 0 }));
  await told.chapter('One', ({ claim }) => {
    claim('the moon is made of', 'rock', 'cheese');
    claim('the earth is', 'round', 'round');
    return Promise.resolve();
  });
  expect(told.close()).toBe(1);
  expect(lines.join('\n')).toContain('1 of 2 claims are false');
  expect(lines.join('\n')).toContain('1  the moon is made of: expected "cheese", it is "rock"');
});

test('an error in a chapter makes the story false and does not end it', async () => {
  const { story: told, lines } = story(() => ({ calls: 0 }));
  await told.chapter('One', () => Promise.reject(new TypeError('fetch failed')));
  await told.chapter('Two', () => Promise.resolve());
  expect(told.close()).toBe(1);
  expect(lines.join('\n')).toContain('TypeError: fetch failed');
  expect(lines.join('\n')).toContain('2  Two');
});
