/** Rewrites a source so that every function reports its name when it is entered. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

export function traced(file: string, url: string): string {
  const { outputText } = ts.transpileModule(readFileSync(fileURLToPath(url), 'utf8'), {
    fileName: file,
    compilerOptions: {
      target: ts.ScriptTarget.ES2022,
      module: ts.ModuleKind.ESNext,
      verbatimModuleSyntax: true,
    },
    transformers: {
      before: [(context) => (source) => ts.visitEachChild(source, visitor(file, context), context)],
    },
  });
  return outputText;
}

function visitor(file: string, context: ts.TransformationContext): (node: ts.Node) => ts.Node {
  const { factory } = context;
  const visit = (node: ts.Node): ts.Node => {
    const inner = ts.visitEachChild(node, visit, context);
    if (!ts.isFunctionLike(inner) || !('body' in inner) || inner.body === undefined) return inner;
    const name = nameOf(node as ts.FunctionLikeDeclaration);
    const report = factory.createCallExpression(
      factory.createPropertyAccessExpression(factory.createIdentifier('globalThis'), '__enter'),
      undefined,
      [factory.createStringLiteral(file), factory.createStringLiteral(name)],
    );
    const body = inner.body as ts.Block | ts.Expression;
    const traceable = ts.isBlock(body)
      ? factory.updateBlock(body, [factory.createExpressionStatement(report), ...body.statements])
      : factory.createParenthesizedExpression(factory.createComma(report, body));
    return withBody(inner as ts.FunctionLikeDeclaration, traceable, factory);
  };
  return visit;
}

function withBody(
  node: ts.FunctionLikeDeclaration,
  body: ts.Block | ts.Expression,
  factory: ts.NodeFactory,
): ts.Node {
  const block = body as ts.Block;
  if (ts.isArrowFunction(node)) {
    const { modifiers, typeParameters, parameters, type, equalsGreaterThanToken } = node;
    return factory.updateArrowFunction(
      node,
      modifiers,
      typeParameters,
      parameters,
      type,
      equalsGreaterThanToken,
      body,
    );
  }
  if (ts.isFunctionDeclaration(node)) {
    const { modifiers, asteriskToken, name, typeParameters, parameters, type } = node;
    return factory.updateFunctionDeclaration(
      node,
      modifiers,
      asteriskToken,
      name,
      typeParameters,
      parameters,
      type,
      block,
    );
  }
  if (ts.isFunctionExpression(node)) {
    const { modifiers, asteriskToken, name, typeParameters, parameters, type } = node;
    return factory.updateFunctionExpression(
      node,
      modifiers,
      asteriskToken,
      name,
      typeParameters,
      parameters,
      type,
      block,
    );
  }
  if (ts.isMethodDeclaration(node)) {
    const { modifiers, asteriskToken, name, questionToken, typeParameters, parameters, type } = node;
    return factory.updateMethodDeclaration(
      node,
      modifiers,
      asteriskToken,
      name,
      questionToken,
      typeParameters,
      parameters,
      type,
      block,
    );
  }
  if (ts.isGetAccessorDeclaration(node)) {
    return factory.updateGetAccessorDeclaration(
      node,
      node.modifiers,
      node.name,
      node.parameters,
      node.type,
      block,
    );
  }
  return node; // constructors and setters make or set a value: they are no step of a journey
}

function nameOf(node: ts.FunctionLikeDeclaration): string {
  if (node.name !== undefined) return node.name.getText();
  const { parent } = node;
  if (parent !== undefined && (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent))) {
    return parent.name.getText();
  }
  return `anonymous at ${node.getSourceFile().getLineAndCharacterOfPosition(node.getStart()).line + 1}`;
}
