/** Source files that pages show. */
import { existsSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path/posix';

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

/** Shows the pictures of a page in the page itself, in the colours of the site. */
export function embedPictures(source: string, html: string): string {
  return html.replace(
    /<p><img src="([^"]+\.svg)" alt="([^"]*)"\s*\/?><\/p>/g,
    (_, path: string, text: string) => {
      const picture = readFileSync(join(dirname(source), path), 'utf8').replace(
        '<svg ',
        '<svg data-keep aria-hidden="true" ',
      );
      return `<div class="frame-of-picture" tabindex="0" role="img" aria-label="${text}">${picture}</div>`;
    },
  );
}
