/** The documentation for tools that read text: an index (`llms.txt`), and everything in one Markdown file (`llms-full.txt`). */
import { writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path/posix';
import type { DeclarationReflection, ProjectReflection } from 'typedoc';
import { Comment, ReflectionKind } from 'typedoc';
import type { Page } from './pages/page.ts';
import { targetOf } from './reference/theme.ts';
import type { SiteContent } from './site-content.ts';

const intro = `# tokenkeep

> OAuth token manager for browsers, native apps and Node: wraps \`fetch\`, refreshes once, rotates safely.
`;

export function writeForTools(folder: string, content: SiteContent, project: ProjectReflection): void {
  writeFileSync(join(folder, 'llms.txt'), index(content));
  const pages = content.pages.map((page) => `# ${page.section}: ${page.title}\n\n${absoluteLinks(page)}`);
  writeFileSync(join(folder, 'llms-full.txt'), [intro, ...pages, reference(project)].join('\n\n'));
}

function index({ pages, doors }: SiteContent): string {
  const sections = [...new Set(pages.map(({ section }) => section))].map((section) => {
    const rows = pages
      .filter((page) => page.section === section)
      .map(({ title, url, summary }) => `- [${title}](${url})${summary && `: ${summary}`}`);
    return `## ${section}\n\n${rows.join('\n')}`;
  });
  const names = doors.map(({ name, url }) => `- [${name}](${url})`);
  return [
    intro.trim(),
    'All of these pages in one Markdown file: [llms-full.txt](llms-full.txt).',
    ...sections,
    `## Reference\n\n${names.join('\n')}`,
    '',
  ].join('\n\n');
}

/** Links to files of the repository, from its top. */
function absoluteLinks({ source, markdown }: Page): string {
  return markdown.replace(
    /\]\((?!https?:|mailto:|#)([^)#\s]+)/g,
    (_, path: string) => `](/${normalize(join(dirname(source), path))}`,
  );
}

/** Every export with its first sentence. */
function reference(project: ProjectReflection): string {
  const doors = (project.children ?? []).filter((child) => child.kindOf(ReflectionKind.Module));
  return doors
    .map((door) => {
      const rows = (door.children ?? []).map(
        (one) => `- \`${one.name}\`: ${summaryOf(targetOf(one) as DeclarationReflection)}`,
      );
      return `# Reference: ${door.name}\n\n${rows.join('\n')}`;
    })
    .join('\n\n');
}

function summaryOf(one: DeclarationReflection): string {
  const comment = one.comment ?? one.signatures?.[0]?.comment;
  return Comment.combineDisplayParts(comment?.summary).replace(/\s+/g, ' ').trim();
}
