/**
 * The second part of `npm run lint`: prints every marker with its place and remedy, and fails if there are more of them than the
 * ceiling allows. Files and folders as parameters restrict the check to them: `node test/prose/main.ts README.md src/login`.
 */

import { ceiling, perThousand } from './ceiling.ts';
import { check, filesOfRepository } from './check.ts';

const chosen = process.argv.slice(2);
const files = filesOfRepository().filter(
  (file) => chosen.length === 0 || chosen.some((one) => file === one || file.startsWith(`${one}/`)),
);
const { words, findings, stale } = check(files);
const rate = perThousand(findings.length, words);
const isTooMany = rate > ceiling;

for (const { file, line, marker, text } of findings) {
  console.log(`${file}:${line}: ${marker.name}: ${text.trim()}\n    ${marker.remedy}`);
}
if (chosen.length === 0) {
  for (const { file, marker, text } of stale) {
    console.log(
      `test/prose/allowed.ts: nothing in ${file} has the marker "${marker}" in "${text}" any more.`,
    );
  }
}
console.log(`${findings.length} markers in ${words} words: ${rate.toFixed(2)} per 1000, at most ${ceiling}`);
process.exitCode = isTooMany || (chosen.length === 0 && stale.length > 0) ? 1 : 0;
