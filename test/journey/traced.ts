/** Rewrites a source so that every function reports its name when it is entered. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export function traced(file: string, url: string): string {
  const { outputText } = ts.transpileModule(withReports(file, readFileSync(fileURLToPath(url), 'utf8')), {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
  });
  return outputText;
}

/** Inserts the reports as text, from the end to the beginning, so that earlier positions stay valid. */
function withReports(file: string, text: string): string {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ESNext, true);
  const insertions: { at: number; text: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (isStep(node) && node.body !== undefined) {
      const report = `globalThis.__enter(${JSON.stringify(file)}, ${JSON.stringify(nameOf(node, source))})`;
      const { body } = node;
      if (ts.isBlock(body)) insertions.push({ at: body.getStart() + 1, text: `${report};` });
      else insertions.push({ at: body.getStart(), text: `(${report}, ` }, { at: body.getEnd(), text: ')' });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  insertions.sort((one, other) => other.at - one.at);
  return insertions.reduce(
    (result, { at, text: inserted }) => result.slice(0, at) + inserted + result.slice(at),
    text,
  );
}

type Step =
  | ts.ArrowFunction
  | ts.FunctionDeclaration
  | ts.FunctionExpression
  | ts.MethodDeclaration
  | ts.GetAccessorDeclaration;

/** Constructors and setters make or set a value, and a getter that returns a private field reads it: they are no step of a journey. */
function isStep(node: ts.Node): node is Step {
  if (ts.isGetAccessorDeclaration(node) && readsField(node)) return false;
  return (
    ts.isArrowFunction(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isFunctionExpression(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isGetAccessorDeclaration(node)
  );
}

function nameOf(node: Step, source: ts.SourceFile): string {
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.name.getText();
  return `anonymous at ${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}

/** Checks whether all that a getter does is `return this.#field`. */
function readsField({ body }: ts.GetAccessorDeclaration): boolean {
  const [statement, ...others] = body?.statements ?? [];
  const { expression } = (statement as Partial<ts.ReturnStatement>) ?? {};
  return (
    others.length === 0 &&
    expression !== undefined &&
    ts.isPropertyAccessExpression(expression) &&
    ts.isPrivateIdentifier(expression.name) &&
    expression.expression.kind === ts.SyntaxKind.ThisKeyword
  );
}
