/** The colours of the playground, in light and in dark: WCAG 2.2, 1.4.3 for text and 1.4.11 for what is no text. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const css = readFileSync(new URL('../../examples/playground/page/colours.css', import.meta.url), 'utf8');
const [light = '', dark = ''] = css.split('prefers-color-scheme: dark');

function coloursOf(text: string): Map<string, string> {
  return new Map(
    [...text.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', hex = '']) => [name, hex]),
  );
}

function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((index) => {
    const part = Number.parseInt(hex.slice(index, index + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [bright = 0, dim = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (bright + 0.05) / (dim + 0.05);
}

const texts = ['ink', 'muted', 'ok', 'warn', 'tab-1', 'tab-2', 'tab-3'];

describe.each([
  ['light', coloursOf(light)],
  ['dark', coloursOf(dark)],
])('in %s', (_, colours) => {
  const between = (one: string, other: string) => contrast(colours.get(one) ?? '', colours.get(other) ?? '');

  test.each(texts.flatMap((text) => ['ground', 'panel'].map((on) => [text, on] as const)))(
    '%s can be read on %s',
    (text, on) => {
      expect(between(text, on)).toBeGreaterThanOrEqual(4.5);
    },
  );

  test.each(['tab-1', 'tab-2', 'tab-3', 'token'])('on-tab can be read on %s', (on) => {
    expect(between('on-tab', on)).toBeGreaterThanOrEqual(4.5);
  });

  test.each(['ground', 'panel'])('the edge of a button can be seen on %s', (on) => {
    expect(between('edge', on)).toBeGreaterThanOrEqual(3);
  });
});

test('a colour that is too pale is found', () => {
  expect(contrast('#777777', '#ffffff')).toBeCloseTo(4.48, 2);
  expect(contrast('#000000', '#ffffff')).toBeCloseTo(21, 5);
});
