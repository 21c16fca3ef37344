/** The demo's story: it is as true as its claims. */
import { expect, test } from 'vitest';
import { paint } from '../../examples/demo/paint.ts';
import { Story } from '../../examples/demo/story.ts';

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
