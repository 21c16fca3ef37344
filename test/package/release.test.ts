/** The release workflow: the publishing job runs no foreign code, and the registry can verify the origin of the package. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { manifestFor, withAbsoluteLinks } from '../../.config/build/release.ts';

const workflows = globSync('.github/workflows/*.yml').map((file) => readFileSync(file, 'utf8'));
const workflow = (name: string) => readFileSync(`.github/workflows/${name}.yml`, 'utf8');
const release = workflow('release');
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
/** Files that the release job reads or links to. */
const releasable = execFileSync(
  'git',
  ['ls-files', '-z', '*.md', 'package.json', 'LICENSE', '.config', 'examples'],
  { encoding: 'utf8' },
)
  .split('\0')
  .filter(Boolean);

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

test('the job that builds a release runs no install script, and errors lead to the site that site.yml publishes', () => {
  const build = jobs.get('build') ?? '';
  expect([...build.matchAll(/- run: (.+)/g)].map(([, command]) => command)).toEqual([
    'npm ci --ignore-scripts',
    'node .config/build/release.ts',
    'npm run build',
    'npm pack --ignore-scripts',
  ]);
  expect(build).toMatch(/REFERENCE_URL: .*format\('https:\/\/\{0\}\.github\.io\/\{1\}'/);
  expect(workflow('site')).toContain('- run: npm run docs');
});

test('no job restores a cache that another one has written', () => {
  const setups = workflows.join('\n').match(/actions\/setup-node@.+\n +with: .+/g) ?? [];
  expect(setups.length).toBeGreaterThan(3);
  expect(setups.filter((setup) => !setup.includes('package-manager-cache: false'))).toEqual([]);
});

test('Linux, macOS and Windows check each version of Node that is supported, and Linux runs everything', () => {
  expect(workflow('test')).toContain('os: [ubuntu-latest, macos-latest, windows-latest]');
  expect(workflow('test')).toContain('node: [22, 24, 26]');
  expect(workflow('test')).toContain('- run: npm run check');
  expect(workflow('test')).toContain('- run: .ci/run');
});

describe('.config/build/release.ts', () => {
  const release = { repository: 'https://git.example/someone/tokenkeep', tag: `v${manifest.version}` };

  test('names the repository, as the provenance does, and makes the links absolute', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-release-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const name of releasable) cpSync(name, join(folder, name), { recursive: true });
    const env = {
      ...process.env,
      GITHUB_SERVER_URL: 'https://git.example',
      GITHUB_REPOSITORY: 'someone/tokenkeep',
      GITHUB_REF_NAME: release.tag,
    };
    execFileSync(process.execPath, ['.config/build/release.ts'], { cwd: folder, env });
    expect(JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))).toEqual({
      ...manifest,
      repository: { type: 'git', url: 'git+https://git.example/someone/tokenkeep.git' },
      homepage: 'https://git.example/someone/tokenkeep#readme',
      bugs: { url: 'https://git.example/someone/tokenkeep/issues' },
    });
    const readme = readFileSync(join(folder, 'README.md'), 'utf8');
    expect(readme).toContain(`](${release.repository}/blob/${release.tag}/SECURITY.md)`);
    const targets = [...readme.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
    expect(targets.length).toBeGreaterThan(20);
    expect(targets.filter((target) => !/^(https:\/\/|#)/.test(target))).toEqual([]);
  });

  test.each([
    { markdown: '[a](docs/a.md#part)', released: '[a](@/blob/v1.2.3/docs/a.md#part)' },
    { markdown: '[`a`](./docs)', released: '[`a`](@/tree/v1.2.3/docs)' },
    { markdown: '![a](docs/a.png "A")', released: '![a](@/raw/v1.2.3/docs/a.png "A")' },
    { markdown: '<img src="docs/a.svg">', released: '<img src="@/raw/v1.2.3/docs/a.svg">' },
    { markdown: '[a]: docs/a.md', released: '[a]: @/blob/v1.2.3/docs/a.md' },
    { markdown: '[a](#part) [b](https://b.example/c)', released: '[a](#part) [b](https://b.example/c)' },
    {
      markdown: '```ts\nconst [a](docs)\n```\n`[a](docs)`',
      released: '```ts\nconst [a](docs)\n```\n`[a](docs)`',
    },
  ])('leads $markdown to the release', ({ markdown, released }) => {
    const at = { repository: '@', tag: 'v1.2.3' };
    expect(withAbsoluteLinks(markdown, at, (path) => !path.includes('.', 2))).toBe(released);
  });

  test('refuses a tag that is not the version of the package', () => {
    expect(() => manifestFor(manifest, { ...release, tag: 'v9.9.9' })).toThrow('Run npm version');
  });

  test('refuses to run outside of a job', () => {
    const { GITHUB_REPOSITORY: _, ...env } = process.env;
    const { status, stderr } = spawnSync(process.execPath, ['.config/build/release.ts'], {
      env,
      encoding: 'utf8',
    });
    expect(status).toBe(1);
    expect(stderr).toContain('Run .config/build/release.ts in a job of GitHub');
  });
});
