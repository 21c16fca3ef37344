/** Builds the documentation site: the Markdown files of the repository and the reference, in one navigation. */
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  Application,
  type DeclarationReflection,
  DocumentReflection,
  LogLevel,
  type ProjectReflection,
  type Reflection,
  ReflectionKind,
  TSConfigReader,
  TypeDocReader,
} from 'typedoc';
import ts from 'typescript';
import { icon } from './html/frame.ts';
import { writeForTools } from './llms.ts';
import type { Page } from './pages/page.ts';
import { sitePages } from './pages/site-pages.ts';
import { SiteRouter } from './reference/router.ts';
import { exportsByTask, highlighted, SiteTheme, targetOf } from './reference/theme.ts';
import { searchIndex } from './search-index.ts';
import type { Door, SiteContent } from './site-content.ts';

const assets = new URL('assets/', import.meta.url);

/** Written by TypeDoc for its own theme. */
const unused = [
  'main.js',
  'style.css',
  'navigation.js',
  'search.js',
  'hierarchy.js',
  'icons.js',
  'icons.svg',
];

/** Where an export is described. */
export interface Described {
  readonly door: string;
  readonly name: string;
  readonly url: string;
}

export interface Site {
  readonly pages: readonly Page[];
  readonly exports: readonly Described[];
}

/**
 * Builds the site into a folder, which is emptied first.
 *
 * @throws Error for a link that leads nowhere, and for everything that TypeDoc warns of.
 */
export async function buildSite(folder: string, repository?: string): Promise<Site> {
  const options = { options: '.config/typedoc.json', out: resolve(folder), logLevel: LogLevel.Warn };
  const application = await Application.bootstrap(
    {
      ...options,
      theme: 'site',
      router: 'site',
      readme: 'none',
      useFirstParagraphOfCommentAsSummary: true,
      includeHierarchySummary: false,
      cleanOutputDir: true,
      lightHighlightTheme: 'github-light-high-contrast',
      darkHighlightTheme: 'github-dark-high-contrast',
      highlightLanguages: [...highlighted],
    },
    [new TypeDocReader(), new TSConfigReader()],
  );
  application.renderer.defineTheme('site', SiteTheme);
  application.renderer.defineRouter('site', SiteRouter);
  const project = await application.convert();
  if (project === undefined) throw new Error('TypeDoc could not read the sources: see above.');
  application.validate(project);

  const doors = nameDoors(project);
  const pages = sitePages();
  const documents = addDocuments(project, pages);
  const dead: string[] = [];
  const content = contentOf({ project, doors, pages, documents, repository, dead });
  SiteRouter.pages = documents;
  SiteTheme.content = content;
  await application.generateDocs(project, resolve(folder));

  if (dead.length > 0) throw new Error(`Links that lead nowhere:\n${dead.join('\n')}`);
  if (application.logger.hasErrors() || application.logger.hasWarnings())
    throw new Error('TypeDoc warned: see above.');
  writeAssets(folder);
  const index = searchIndex(folder, content);
  writeFileSync(join(folder, 'assets/search-index.js'), `window.searchIndex = ${JSON.stringify(index)};\n`);
  writeForTools(folder, content, project);
  const exports = content.doors.flatMap(({ name: door, groups }) =>
    groups.flatMap(({ exports: all }) => all.map(({ name, url }) => ({ door, name, url }))),
  );
  return { pages, exports };
}

/** Gives each entry point the name that it is imported with, and puts the main one first. */
function nameDoors(project: ProjectReflection): readonly DeclarationReflection[] {
  const doors = (project.children ?? []).filter((child) => child.kindOf(ReflectionKind.Module));
  for (const door of doors)
    door.name = door.name.startsWith('tokenkeep') ? door.name : `tokenkeep/${door.name}`;
  return doors.sort((a, b) => a.name.localeCompare(b.name));
}

function addDocuments(project: ProjectReflection, pages: readonly Page[]): Map<Reflection, Page> {
  return new Map(
    pages.map((page) => {
      const document = new DocumentReflection(
        page.title,
        project,
        [{ kind: 'text', text: page.markdown }],
        {},
      );
      project.registerReflection(document, undefined, undefined);
      project.addChild(document);
      return [document, page];
    }),
  );
}

interface Parts {
  readonly project: ProjectReflection;
  readonly doors: readonly DeclarationReflection[];
  readonly pages: readonly Page[];
  readonly documents: ReadonlyMap<Reflection, Page>;
  readonly repository: string | undefined;
  readonly dead: string[];
}

function contentOf({ doors, pages, documents, repository, dead }: Parts): SiteContent {
  let described: readonly Door[] | undefined;
  let names: ReadonlyMap<string, string> | undefined;
  return {
    pages,
    repository,
    version: JSON.parse(readFileSync('package.json', 'utf8')).version,
    // URLs are known when TypeDoc has made its router, which is right before the first page.
    get doors() {
      described ??= doors.map(describeDoor);
      return described;
    },
    pageOf: (reflection) => documents.get(reflection),
    urlOfName(name) {
      names ??= nameUrls(doors, pages);
      return names.get(name);
    },
    reportDeadLink: (from, href) => void dead.push(`${from}: ${href}`),
  };
}

function urlOf(reflection: Reflection): string {
  const router = SiteRouter.current;
  if (router === undefined) throw new Error('Pages have no URLs before the site is rendered.');
  return router.getFullUrl(reflection);
}

function describeDoor(door: DeclarationReflection): Door {
  return {
    name: door.name,
    url: urlOf(door),
    groups: exportsByTask(door).map(({ title, exports }) => ({
      title,
      exports: exports.map((one) => ({ name: one.name, url: urlOf(targetOf(one)) })),
    })),
  };
}

/** The exports of all entry points, the events, and the codes of errors. A name that two entry points have leads to the first. */
function nameUrls(doors: readonly DeclarationReflection[], pages: readonly Page[]): Map<string, string> {
  const urls = new Map<string, string>();
  const add = (name: string, url: string) => urls.has(name) || urls.set(name, url);
  for (const { title, url } of pages) if (title.startsWith('`ERR_')) add(title.replaceAll('`', ''), url);
  for (const door of doors) {
    for (const one of door.children ?? []) {
      add(one.name, urlOf(targetOf(one)));
      if (one.name === 'TokenEvents') for (const event of one.children ?? []) add(event.name, urlOf(event));
    }
  }
  return urls;
}

function writeAssets(folder: string): void {
  for (const name of unused) rmSync(join(folder, 'assets', name), { force: true });
  const styles = globSync('*.css', { cwd: new URL('styles/', assets) }).sort();
  const css = styles.map((name) => readFileSync(new URL(`styles/${name}`, assets), 'utf8')).join('\n');
  writeFileSync(join(folder, 'assets/site.css'), css);
  writeFileSync(join(folder, 'assets/icon.svg'), icon);
  for (const name of ['before-paint', 'site']) {
    const source = readFileSync(new URL(`${name}.ts`, assets), 'utf8');
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ES2022 };
    const { outputText } = ts.transpileModule(source, { compilerOptions });
    writeFileSync(join(folder, `assets/${name}.js`), outputText.replace(/^export \{\};$/m, ''));
  }
}
