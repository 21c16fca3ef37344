/** Counts the markers in the English of this repository. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { type Allowed, allowed } from './allowed.ts';
import { type Marker, markers } from './markers.ts';
import { passagesOf } from './texts.ts';

export interface Finding {
  readonly file: string;
  readonly line: number;
  readonly marker: Marker;
  /** The line that it stands on. */
  readonly text: string;
}

export interface Report {
  readonly words: number;
  readonly findings: readonly Finding[];
  /** Entries of the list of allowed uses that allow nothing. */
  readonly stale: readonly Allowed[];
}

/** Files whose English is ours. Fixtures repeat the documentation of others, and the check names its own markers. */
const read = /\.(?:md|[mc]?tsx?|mjs|yml)$|^\.ci\/[^/]+$/;
const ignored = /^test\/prose\/|\/fixtures\/|^LICENSE|package-lock|^test\/package\/support\/old-names\.ts$/;

export function filesOfRepository(): string[] {
  return execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' })
    .split('\0')
    .filter((file) => read.test(file) && !ignored.test(file) && existsSync(file));
}

/** Finds the markers of one text. */
export function findingsIn(file: string, content: string): { words: number; findings: Finding[] } {
  const findings: Finding[] = [];
  let words = 0;
  for (const { line, text } of passagesOf(file, content)) {
    words += text.match(/[a-z]['’\w-]*/gi)?.length ?? 0;
    // A turn of phrase may begin on one line and end on the next.
    const joined = text.replaceAll('\n', ' ');
    for (const marker of markers) {
      for (const { index } of joined.matchAll(marker.pattern)) {
        const before = text.slice(0, index).split('\n').length - 1;
        findings.push({ file, line: line + before, marker, text: text.split('\n')[before] ?? '' });
      }
    }
  }
  return { words, findings };
}

export function check(files: readonly string[], exceptions: readonly Allowed[] = allowed): Report {
  const used = new Set<Allowed>();
  const findings: Finding[] = [];
  let words = 0;
  for (const file of files) {
    const found = findingsIn(file, readFileSync(file, 'utf8'));
    words += found.words;
    for (const finding of found.findings) {
      const exception = exceptions.find((one) => allows(one, finding));
      if (exception) used.add(exception);
      else findings.push(finding);
    }
  }
  return { words, findings, stale: exceptions.filter((one) => !used.has(one)) };
}

const allows = ({ file, marker, text }: Allowed, finding: Finding) =>
  file === finding.file && marker === finding.marker.name && finding.text.includes(text);
