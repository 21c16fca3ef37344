/** The release workflow: the publishing job runs no foreign code, and the registry can verify the origin of the package. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const workflows = globSync('.github/workflows/*.yml').map((file) => readFileSync(file, 'utf8'));
const release = readFileSync('.github/workflows/release.yml', 'utf8');

/** The text of each job, by its name. */
const jobs = new Map(
  release
    .slice(release.indexOf('\njobs:') + '\njobs:\n'.length)
    .split(/^ {2}(?=\w+:$)/m)
    .filter((text) => text.trim() !== '')
    .map((text) => [text.slice(0, text.indexOf(':')), text] as const),
);

test('every action of others is pinned by a commit, with the version that it is', () => {
  const uses = workflows.join('\n').match(/uses: .+/g) ?? [];
  const foreign = uses.filter((line) => !line.startsWith('uses: ./'));
  expect(foreign.length).toBeGreaterThan(3);
  expect(foreign.filter((line) => !/^uses: [\w/-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/.test(line))).toEqual([]);
});

test('the job that may publish installs nothing, checks nothing out and runs no script of a package', () => {
  const publishing = [...jobs].filter(([, text]) => text.includes('id-token: write'));
  expect(publishing.map(([name]) => name)).toEqual(['publish']);
  const [[, text] = ['', '']] = publishing;
  expect(text).not.toContain('actions/checkout');
  expect([...text.matchAll(/- run: (.+)/g)].map(([, command]) => command)).toEqual([
    'npm publish ./tokenkeep-*.tgz --ignore-scripts --provenance --access public',
  ]);
  // The whole workflow has only this permission.
  expect(release.match(/^permissions: .+/m)?.[0]).toBe('permissions: { contents: read }');
});

test('the package says from which repository it is, as the provenance does', () => {
  const command = /npm pkg set\n(?: {10}.+\n)+/.exec(jobs.get('build') ?? '')?.[0].replaceAll('\n', ' ');
  const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-release-'));
  try {
    copyFileSync('package.json', join(folder, 'package.json'));
    const env = {
      ...process.env,
      GITHUB_SERVER_URL: 'https://git.example',
      GITHUB_REPOSITORY: 'someone/tokenkeep',
    };
    execFileSync('bash', ['-c', command ?? 'false'], { cwd: folder, env });
    const before = JSON.parse(readFileSync('package.json', 'utf8'));
    expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toEqual({
      ...before,
      repository: { type: 'git', url: 'git+https://git.example/someone/tokenkeep.git' },
      homepage: 'https://git.example/someone/tokenkeep#readme',
      bugs: { url: 'https://git.example/someone/tokenkeep/issues' },
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the build of a release leads to the published reference', () => {
  expect(jobs.get('build')).toMatch(/test -n "\$REFERENCE_URL" && npm run build\n +env: \{ REFERENCE_URL: /);
});
