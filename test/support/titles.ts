/** The titles of all tests, by file: also of those that several test files share. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A title is the first argument of `test`, `it` or `describe`, or of what their `each` gives. */
const title = /^\s*(?:(?:test|it|describe)\b.*?|[\])}].*?)\(\s*(['"`])((?:\\.|(?!\1).)+)\1\s*,/gm;

/** By path beneath `test/`. */
export const titles: ReadonlyMap<string, readonly string[]> = new Map(
  readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /\.test\.ts$|^browser\/scenarios\//.test(file))
    .map((file) => [
      file,
      [...readFileSync(join(root, file), 'utf8').matchAll(title)].flatMap(([, , text]) => text ?? []),
    ]),
);
