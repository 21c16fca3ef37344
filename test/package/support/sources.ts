import { globSync, readFileSync } from 'node:fs';
import ts from 'typescript';

export interface Module {
  /** Path below src/, as `core/errors.ts`. */
  path: string;
  text: string;
  tree: ts.SourceFile;
  /** Specifiers of all imports and re-exports, of types too, static and dynamic. */
  imports: string[];
  /** The relative ones, as paths below src/. */
  modules: string[];
  /** The packages of the others, `node:` modules included. */
  packages: string[];
}

/** Every module of src/, parsed. */
export const sources: readonly Module[] = globSync('**/*.ts', { cwd: 'src' })
  .sort()
  .map((path) => {
    const text = readFileSync(`src/${path}`, 'utf8');
    const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
    const imports = ts.preProcessFile(text, true, true).importedFiles.map((file) => file.fileName);
    return {
      path,
      text,
      tree,
      imports,
      modules: imports.filter((name) => name.startsWith('.')).map((name) => resolve(path, name)),
      packages: imports.filter((name) => !name.startsWith('.')).map(packageOf),
    };
  });

/** Whether anything of a module is left at run time. */
export function isTypesOnly({ text }: Module): boolean {
  const { outputText } = ts.transpileModule(text, {
    compilerOptions: {
      module: ts.ModuleKind.ESNext,
      target: ts.ScriptTarget.ES2022,
      verbatimModuleSyntax: true,
      removeComments: true,
    },
  });
  return outputText.trim() === 'export {};';
}

/** Calls `visit` with every node of a module, without comments and texts. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

function resolve(from: string, specifier: string): string {
  return new URL(specifier, `file:///src/${from}`).pathname.replace('/src/', '');
}

function packageOf(specifier: string): string {
  if (specifier.startsWith('node:')) return specifier;
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}
