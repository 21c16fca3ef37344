/**
 * `node .config/build/release.ts`: prepares what is published for the repository that releases it, in a job of that repository. Its address
 * is not known before. The registry compares `repository` with the provenance, and README.md is also shown where no files lie beside it.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';

/** The tarball to release, and its repository. */
export interface Release {
  /** The address of the repository, such as `https://github.com/someone/tokenkeep`. */
  readonly repository: string;
  /** The tag, such as `v1.2.3`. */
  readonly tag: string;
}

/** Returns the manifest with the addresses of the repository. */
export function manifestFor<Manifest extends { readonly version: string }>(
  manifest: Manifest,
  { repository, tag }: Release,
): Manifest {
  if (tag !== `v${manifest.version}`) {
    throw new Error(
      `The tag ${tag} is not the version ${manifest.version} of package.json. Run npm version, and push its tag.`,
    );
  }
  return {
    ...manifest,
    repository: { type: 'git', url: `git+${repository}.git` },
    homepage: `${repository}#readme`,
    bugs: { url: `${repository}/issues` },
  };
}

/** Code, which stays as it is, or the target of a link or image. */
const codeOrTarget = /(```[\s\S]*?```|`[^`\n]+`)|(\]\(|\]: |\b(?:src|href)=")([^\s)"]+)/g;

/** Returns Markdown whose relative links and images lead to the files of the release. */
export function withAbsoluteLinks(
  markdown: string,
  { repository, tag }: Release,
  isFolder: (path: string) => boolean,
): string {
  return markdown.replace(codeOrTarget, (text, code, before, target) => {
    const isRelative = code === undefined && !/^(#|\/|[a-z][a-z\d+.-]*:)/i.test(target);
    if (!isRelative) return text;
    const [path = ''] = target.split('#');
    const view = isFolder(path) ? 'tree' : /\.(gif|jpe?g|png|svg|webp)$/.test(path) ? 'raw' : 'blob';
    return `${before}${repository}/${view}/${tag}/${target.replace(/^\.\//, '')}`;
  });
}

if (import.meta.main) {
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY, GITHUB_REF_NAME: tag } = process.env;
  if (!GITHUB_SERVER_URL || !GITHUB_REPOSITORY || !tag) {
    throw new Error(
      'Run .config/build/release.ts in a job of GitHub: it needs GITHUB_SERVER_URL, GITHUB_REPOSITORY and GITHUB_REF_NAME.',
    );
  }
  const release = { repository: `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}`, tag };
  const manifest = manifestFor(JSON.parse(readFileSync('package.json', 'utf8')), release);
  writeFileSync('package.json', `${JSON.stringify(manifest, undefined, 2)}\n`);
  for (const file of ['README.md', 'CHANGELOG.md']) {
    const markdown = withAbsoluteLinks(readFileSync(file, 'utf8'), release, (path) =>
      statSync(path).isDirectory(),
    );
    writeFileSync(file, markdown);
  }
}
