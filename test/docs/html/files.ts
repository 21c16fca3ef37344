/** Source files that pages show. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, extname } from 'node:path/posix';

/** Returns a file as a block of code. */
export function fence(file: string): string {
  if (!existsSync(file)) throw new Error(`A page shows ${file}, which does not exist.`);
  const language = extname(file).slice(1).replace('mjs', 'js');
  return `\`\`\`${language}\n${readFileSync(file, 'utf8').trimEnd()}\n\`\`\``;
}

/** The anchor of a file that a guide shows. */
export function anchorOfFile(path: string): string {
  return `file-${basename(path).replaceAll('.', '-')}`;
}
