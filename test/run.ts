/**
 * `npm test`: everything. Lint, types, build, then every test, all of them even if one fails.
 * The last line is `N passed, N failed`: the tests, and each step before them that failed.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';

const folder = mkdtempSync(join(tmpdir(), 'tokenkeep-test-'));
const report = join(folder, 'vitest.json');
let passed = 0;
let failed = 0;

// Servers, browsers and tools that npm does not bring: what is missing is installed, or named.
if (!succeeds('.ci/debian-packages', ['.ci/debian-packages'])) failed += 1;
for (const step of ['lint', 'types', 'build']) {
  if (!succeeds(`npm run ${step}`, ['npm', 'run', '--silent', step])) failed += 1;
}
const green = succeeds('vitest', [
  'vitest',
  'run',
  '--config=test/vitest.config.ts',
  // One more than cores: many files wait for servers and browsers most of the time.
  `--maxWorkers=${availableParallelism() + 1}`,
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...process.argv.slice(2),
]);
count(green);
rmSync(folder, { recursive: true, force: true });

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

function succeeds(title: string, [command = '', ...parameters]: string[]): boolean {
  console.log(`\n— ${title}`);
  return spawnSync(command, parameters, { stdio: 'inherit' }).status === 0;
}

/** A test that did not run did not pass: a skipped test and a file that could not be loaded count as failed. */
function count(green: boolean): void {
  const before = failed;
  try {
    const files: TestFile[] = JSON.parse(readFileSync(report, 'utf8')).testResults;
    for (const { status, assertionResults } of files) {
      const bad = assertionResults.filter((test) => test.status !== 'passed').length;
      passed += assertionResults.length - bad;
      failed += bad === 0 && status !== 'passed' ? 1 : bad;
    }
  } catch (error) {
    console.error('vitest left no report', error);
  }
  // An error outside of any test, or no test at all.
  if (!green && failed === before) failed += 1;
}

interface TestFile {
  status: string;
  assertionResults: { status: string }[];
}
