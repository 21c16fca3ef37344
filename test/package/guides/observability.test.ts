/** The guide `examples/observability/`: what it prints says what has happened, and holds no token. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { authorizationServer } from 'tokenkeep/testing';
import { beforeAll, expect, test } from 'vitest';
import { requireBuild } from '../../support/package/built.ts';

beforeAll(requireBuild);

/** As many as a figure was counted, by what it prints. */
const counted = (output: string, name: string): number[] => {
  const from = output.slice(output.indexOf(`name: 'tokenkeep.${name}'`));
  const points = /dataPoints: \[([\s\S]*?)\n {2}\]/.exec(from)?.[1] ?? '';
  return [...points.matchAll(/ value: (\d+)/g)].map(([, value]) => Number(value));
};

test('spans with their parts, figures, a log, channels and a picture, and no token in any of them', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['examples/observability/main.ts']);
  expect(stderr).toBe('');
  const spans = [...stdout.matchAll(/^ {2}name: '(.+)',$/gm)].map(([, name]) => name);
  const one = ['lock', 'request', 'commit', 'tokenkeep refresh'];
  expect(spans).toEqual([...one, ...one]);
  expect(counted(stdout, 'calls')).toEqual([20, 1]);
  expect(counted(stdout, 'replays')).toEqual([20]);
  expect(counted(stdout, 'refreshes')).toEqual([1, 1]);
  expect(counted(stdout, 'failures')).toEqual([1]);
  const logged = [...stdout.matchAll(/^log (\w+)/gm)].map(([, type]) => type);
  expect(new Set(logged)).toEqual(
    new Set([
      ...['signedIn', 'refreshed', 'refreshFinished', 'replayed', 'refreshFailed', 'ERR_REFRESH_FAILED'],
    ]),
  );
  expect(stdout.match(/^channel \{/gm)).toHaveLength(2);
  const picture = JSON.parse(/^picture (\{[\s\S]*?\n\})$/m.exec(stdout)?.[1] ?? '');
  expect(picture.stored).toMatchObject({ refreshToken: expect.stringMatching(/^[0-9a-f]{8}$/) });
  const token = /(?:access|refresh)-[\w-]{20}/;
  const { access_token, refresh_token } = authorizationServer().signIn();
  for (const text of [access_token, refresh_token]) expect(text).toMatch(token);
  expect(stdout).not.toMatch(token);
});
