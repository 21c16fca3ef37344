/** The guide `examples/testing-your-app/`: both suites run, and each goes red for what is wrong with the application. */
import { describe, expect, test } from 'vitest';
import { requireBuild } from '../../support/package/built.ts';
import { copyOf, nodeTest, vitest } from './support/runners.ts';

requireBuild();
const guide = 'examples/testing-your-app/';
const names = {
  storm: '200 orders at once find the token rejected: one refresh, and each is placed once',
  time: 'time goes by: the next call has another token',
  lost: 'the response to a refresh is lost: nobody is signed out before the server says so',
  revoked: 'the session is revoked: nothing of it stays on the screen',
  offline: 'offline: what was on the screen stays there, and the session too',
  github: 'GitHub: its words, its encodings, and a 401 without a challenge',
};
/** Tests that need no second runner: of the page with a mock, and of the retries of queries. */
const others = [
  'a user who is signed in sees the orders',
  'a user who is not signed in sees the login, and the orders after it',
  'nothing stays on the screen when the session ends',
  'the orders stay on the screen while the API is busy',
  'a refresh that failed is retried, at the time that the server asks for',
  'a login that is missing is not retried',
  'an API that cannot be reached is retried, later each time',
  'answers are forgotten when the user leaves or another one comes, not when the same one signs in',
];

describe('as it stands, all is well', () => {
  test.each([
    ['vitest', () => vitest(guide), others],
    ['node:test', () => nodeTest(`${guide}orders.node-test.ts`), []],
  ])('under %s', async (_, run, more) => {
    const { passed, failed, output } = await run();
    expect([failed, output]).toEqual([[], output]);
    expect([...passed].sort()).toEqual([...Object.values(names), ...more].sort());
  });
});

describe('an application that', () => {
  test.each([
    {
      does: 'signs out whenever something is wrong',
      at: "if (isTokenKeepError(error) && error.code === 'ERR_LOGIN_REQUIRED')",
      by: 'if (isTokenKeepError(error) || error instanceof TypeError)',
      red: ['lost', 'offline'],
    },
    {
      does: 'does not see that the session is over',
      at: 'this.#signedOut();\n      // All other',
      by: 'this.screen = "try again later";\n      // All other',
      red: ['lost', 'revoked'],
    },
    {
      does: 'sends everything twice',
      at: 'const response = await this.#manager.fetch(this.#url, init);',
      by: 'await this.#manager.fetch(this.#url, init); const response = await this.#manager.fetch(this.#url, init);',
      red: ['storm'],
    },
    {
      does: 'refreshes by itself, ahead of time',
      at: 'const response = await this.#manager.fetch(this.#url, init);',
      by: `const rejectedToken = await this.#manager.getAccessToken();
      await this.#manager.getAccessToken({ rejectedToken });
      const response = await this.#manager.fetch(this.#url, init);`,
      red: ['storm', 'time', 'offline', 'github'],
    },
  ] as const)('$does fails the tests, with both runners', async ({ at, by, red }) => {
    using copy = copyOf('testing-your-app');
    copy.break('orders.ts', at, by);
    const outcomes = await Promise.all([
      vitest('orders.test.ts', copy.folder),
      nodeTest('orders.node-test.ts', copy.folder),
    ]);
    const expected = red.map((name) => names[name]);
    expect(outcomes.map(({ failed }) => failed)).toEqual([expected, expected]);
  });
});
