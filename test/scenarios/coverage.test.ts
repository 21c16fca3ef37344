/** Each report from elsewhere is proven here, by a test that names it. */
import { expect, test } from 'vitest';
import { titles } from '../support/titles.ts';
import { reports } from './reports.ts';

const named = new Set([...titles.values()].flat().flatMap((text) => text.match(/\b[NB]\d+b?\b/g) ?? []));

test('every report has a test that names it', () => {
  expect(Object.keys(reports).filter((id) => !named.has(id))).toEqual([]);
});

test('no test names a report that there is not', () => {
  expect([...named].filter((id) => !(id in reports))).toEqual([]);
});
