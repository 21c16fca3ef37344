import { expect, test } from 'vitest';
import type { Scenarios } from './describe.ts';
import type { Seen } from './visit.ts';

/** The rows in which tabs and servers say the same. */
const agreeing = ({ books }: Seen) => {
  for (const name of ['ok', 'rejected', 'posts', 'refreshes']) {
    const [tabs, servers] = books[name] ?? [];
    expect([name, tabs]).toEqual([name, servers]);
  }
};

/** Each button does what it says, by the servers' own counters, and the page shows what they count. */
export const buttons: Scenarios = (visit) => {
  test('three tabs in one session, and no refresh; Expire now: one tab refreshes, the others take it over', async () => {
    const page = await visit();
    const opened = await page.look();
    expect(page.counts()).toMatchObject({ ok: 3, rejected: 0, posts: 0, reuses: 0 });
    expect(opened.states).toEqual(Array.from({ length: 3 }, () => 'signed in as ada'));
    expect(opened.verdict).toBe('3 calls answered 200. The server counted 0 refreshes and 0 reuses.');
    agreeing(opened);

    const seen = await page.play('expire');
    expect(page.counts()).toMatchObject({ ok: 6, posts: 1, refreshes: 1, spent: 1, chain: 1, reuses: 0 });
    expect(seen.books['refreshes']).toEqual(['1', '1']);
    expect(seen.books['replayed']?.[0]).toBe(String(page.counts().rejected));
    expect(seen.promise).toEqual(['1', '1', '0']);
    agreeing(seen);
  });

  test('200 calls: all answered, one refresh; the verdict is said once', async () => {
    const page = await visit();
    await page.tab.evaluate(`(() => {
      window.said = 0;
      const observer = new MutationObserver(() => { window.said += 1; });
      observer.observe(document.querySelector('[role="status"]'), { childList: true, characterData: true, subtree: true });
    })()`);
    const seen = await page.play('storm');
    expect(page.counts()).toMatchObject({ ok: 203, posts: 1, refreshes: 1, reuses: 0, familiesRevoked: 0 });
    expect(seen.verdict).toMatch(/^200 calls answered 200, \d+ of them replayed\. /);
    expect(seen.verdict).toMatch(/The server counted 1 refresh and 0 reuses\.$/);
    expect(await page.tab.evaluate('window.said')).toBe(1);
    agreeing(seen);
  });

  test('Lose the answer: the old token serves, then the session ends with a reason, and a new one begins', async () => {
    const page = await visit();
    const lost = await page.play('lose-answer');
    expect(page.counts()).toMatchObject({ ok: 6, rejected: 0, posts: 1, refreshes: 1, reuses: 0 });
    expect(lost.books['refreshes']).toEqual(['0', '1']);
    expect(lost.verdict).toContain('the old access token is used to its end');

    const ended = await page.play('expire');
    expect(page.counts()).toMatchObject({ ok: 6, posts: 2, refreshes: 1, reuses: 1, familiesRevoked: 1 });
    expect(ended.verdict).toContain('3 calls failed: ERR_LOGIN_REQUIRED');
    expect(ended.verdict).toContain('response_lost');
    expect(ended.states).toEqual(Array.from({ length: 3 }, () => 'signed out: please sign in'));

    await page.play('call');
    expect(page.counts()).toMatchObject({ ok: 9, posts: 2 });
  });

  test('Revoke: one tab finds out, and all of them are signed out', async () => {
    const page = await visit();
    const seen = await page.play('revoke');
    expect(page.counts()).toMatchObject({ ok: 3, posts: 1, refreshes: 0, reuses: 0, revocations: 1 });
    expect(seen.verdict).toContain('3 calls failed: ERR_LOGIN_REQUIRED');
    expect(seen.verdict).toContain('invalid_grant');
    expect(seen.books['ended']?.[1]).toBe('1');

    const again = await page.play('sign-in');
    expect(again.states[0]).toBe('signed in as ada');
  });

  test('Go offline: nothing arrives, nobody is signed out; Go online: the same session', async () => {
    const page = await visit();
    const offline = await page.play('offline');
    expect(page.counts()).toMatchObject({ calls: 3, ok: 3, posts: 0 });
    expect(offline.verdict).toContain('3 calls failed: no network');
    expect(offline.states).toEqual(Array.from({ length: 3 }, () => 'no network, still signed in'));
    await page.play('expire');
    expect(page.counts()).toMatchObject({ calls: 3, ok: 3, posts: 0 });

    const online = await page.play('online');
    expect(page.counts()).toMatchObject({ ok: 6, posts: 1, refreshes: 1, reuses: 0 });
    expect(online.states).toEqual(Array.from({ length: 3 }, () => 'signed in as ada'));
    agreeing(online);
  });

  test('Freeze: the others wait for the lock; the sleeper wakes up and refreshes for all', async () => {
    const page = await visit();
    const freezer = '.tab[data-tab="2"] button';
    await page.click(freezer);
    const says = (tab: number) => `document.querySelector('.lane[data-tab="${tab}"] .says').textContent`;
    await page.until(
      `[1, 3].every((tab) => document.querySelector('.lane[data-tab="' + tab + '"] .says').textContent === 'waits for the lock')`,
    );
    expect(await page.tab.evaluate(says(2))).toBe('frozen, with the lock');
    expect(page.counts()).toMatchObject({ ok: 3, posts: 0 });

    await page.click(freezer);
    await page.over();
    // Should it have slept for so long that another tab has taken over, it takes over what that one stored.
    await page.until(`['has refreshed', 'took it over'].includes(${says(2)})`);
    expect(page.counts()).toMatchObject({ posts: 1, refreshes: 1, reuses: 0 });
  });
};
