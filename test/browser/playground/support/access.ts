import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Scenarios } from './describe.ts';
import type { Visit } from './visit.ts';

const axe = readFileSync(new URL('../../../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');

/** For everyone who presses keys. */
export const keyboard: Scenarios = (visit, engine) => {
  test('by keyboard alone: to a button, into a tab, to the switch', async () => {
    const page = await visit();
    await reach(page, `document.activeElement?.dataset?.scene === 'expire'`);
    await page.tab.press('Enter');
    await page.until(`document.querySelector('#verdict').textContent.includes('counted 1 refresh ')`);
    expect(page.counts()).toMatchObject({ refreshes: 1, ok: 6 });

    await reach(page, `document.activeElement?.id === 'slowly'`);
    const isSlow = `document.querySelector('#slowly').checked`;
    expect(await page.tab.evaluate(isSlow)).toBe(false);
    await page.tab.press('Space');
    await page.tab.evaluate(`new Promise((resolve) => {
      const look = () => ${isSlow} ? resolve() : setTimeout(look);
      look();
    })`);

    await reach(page, `document.activeElement?.contentDocument?.activeElement?.tagName === 'BUTTON'`);
    // WebKitGTK's driver may lose a key that comes right after the focus has gone into a frame.
    if (engine === 'webkit') return;
    await page.tab.press('Enter');
    const ok = `document.querySelector('iframe').contentDocument.querySelector('#ok').textContent`;
    await page.tab.evaluate(`new Promise((resolve) => {
      const look = () => ${ok} === '3' ? resolve() : requestAnimationFrame(look);
      look();
    })`);
    expect(page.counts().ok).toBe(7);
  });
};

/** For everyone: by ear, by eye, on a phone. */
export const access: Scenarios = (visit) => {
  test('by rules: names, roles, order, contrast (axe)', async () => {
    const page = await visit();
    await page.play('lose-answer');
    await page.click('summary');
    expect(await violations(page)).toEqual([]);
    await page.tab.goto(`${(await page.tab.evaluate('location.origin')) as string}/tab?number=2`);
    await page.tab.evaluate('window.complaints = []');
    expect(await violations(page)).toEqual([]);
  });

  test('on a phone of 360 px: nothing has to be pushed sideways', async () => {
    const page = await visit();
    const widths = await page.tab.evaluate(`new Promise((resolve) => {
      const phone = document.createElement('iframe');
      phone.style.cssText = 'width: 360px; height: 740px; border: 0';
      phone.src = '/?pace=0';
      document.body.append(phone);
      const look = () => {
        const root = phone.contentDocument?.documentElement;
        if (!root?.hasAttribute('data-ready')) return setTimeout(look, 20);
        const tabs = [...phone.contentDocument.querySelectorAll('iframe')].map((tab) => tab.contentDocument.documentElement);
        resolve([root, ...tabs].map(({ scrollWidth, clientWidth, scrollHeight, clientHeight }, index) => ({
          width: clientWidth, sideways: scrollWidth - clientWidth, down: index > 0 ? scrollHeight - clientHeight : 0,
        })));
      };
      look();
    })`);
    // Some engines have a scroll bar beside the page, of those 360 px.
    expect((widths as { width: number }[])[0]?.width).toBeGreaterThan(340);
    expect(widths).toMatchObject([
      { sideways: 0, down: 0 },
      { sideways: 0, down: 0 },
      { sideways: 0, down: 0 },
      { sideways: 0, down: 0 },
    ]);
  });
};

/** Only Chromium's driver can say what a user prefers. */
export const preferences: Scenarios = (visit) => {
  test('in the dark: the same rules', async () => {
    const page = await visit();
    await page.tab.prefer?.({ 'prefers-color-scheme': 'dark' });
    await page.play('lose-answer');
    await page.click('summary');
    const ground = `getComputedStyle(document.documentElement).backgroundColor`;
    expect(await page.tab.evaluate(ground)).toBe('rgb(18, 22, 28)');
    expect(await violations(page)).toEqual([]);
  });

  test('with reduced motion nothing moves, and everything is reported', async () => {
    const page = await visit();
    const slide = `getComputedStyle(document.querySelector('.lane .disc')).transitionDuration`;
    await page.tab.prefer?.({ 'prefers-reduced-motion': 'reduce' });
    await page.tab.evaluate(`document.querySelector('.lane').toggleAttribute('data-moves', true)`);
    expect(await page.tab.evaluate(slide)).toMatch(/^0s(, 0s)*$/);
    const seen = await page.play('expire');
    expect(seen.verdict).toContain('1 refresh and 0 reuses');
  });
};

/** Names what has the focus. */
const focused = `[document, document.activeElement?.contentDocument]
  .map((from) => from?.activeElement)
  .map((one) => one ? one.tagName + ' ' + (one.getAttribute('aria-label') ?? one.id + one.textContent.slice(0, 12)) : '')
  .join(' > ')`.replaceAll('\n', ' ');

/** Presses Tab until a condition holds of the page. */
async function reach(page: Visit, condition: string): Promise<void> {
  const way: unknown[] = [];
  while (way.length < 40) {
    if (await page.tab.evaluate(`Boolean(${condition})`)) return;
    await page.tab.press('Tab');
    way.push(await page.tab.evaluate(focused));
  }
  throw new Error(`The keyboard does not reach: ${condition}. It reaches ${way.join(', ')}.`);
}

async function violations(page: Visit): Promise<unknown> {
  await page.tab.evaluate(`(() => { ${axe}; return 'axe' in window; })()`);
  return await page.tab.evaluate(
    `axe.run({ iframes: false }).then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)]))`,
  );
}
