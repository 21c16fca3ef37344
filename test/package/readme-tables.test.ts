/** The tables of the README say what the sources say: no option, event, member, error or entry point is missing, and none is stale. */
import { readFileSync } from 'node:fs';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { doors } from '../support/package/manifest.ts';
import { rowsOf } from './support/readme.ts';
import { sources } from './support/sources.ts';

const textOf = (path: string) => readFileSync(`src/${path}`, 'utf8');
const quoted = (text: string) => [...text.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code);

function declaration(path: string, name: string): ts.Node {
  const tree = sources.find((module) => module.path === path)?.tree;
  let found: ts.Node | undefined;
  tree?.forEachChild((node) => {
    const isNamed =
      ts.isInterfaceDeclaration(node) || ts.isClassDeclaration(node) || ts.isTypeAliasDeclaration(node);
    if (isNamed && node.name?.text === name) found = node;
  });
  if (!found) throw new Error(`src/${path} declares no ${name}`);
  return found;
}

/** The names of the members of an interface or of a type, without what is inherited. */
function membersOf(node: ts.Node): string[] {
  const names: string[] = [];
  ts.forEachChild(node, (child) => {
    if (ts.isPropertySignature(child) || ts.isMethodDeclaration(child) || ts.isPropertyDeclaration(child)) {
      if (ts.isIdentifier(child.name)) names.push(child.name.text);
    } else if (ts.isTypeLiteralNode(child) || ts.isIntersectionTypeNode(child)) {
      names.push(...membersOf(child));
    }
  });
  return names;
}

describe('the table of options', () => {
  const rows = rowsOf('Options');
  const options = declaration('options.ts', 'TokenManagerOptions') as ts.InterfaceDeclaration;

  test('has every option, in the order of the declaration', () => {
    expect(rows.map(([name = '']) => quoted(name)[0])).toEqual(membersOf(options));
  });

  test('gives the default of the declaration', () => {
    const declared = options.members.map((member) => {
      const documented = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'default')?.comment;
      return [member.name?.getText() ?? '', member.questionToken === undefined ? 'required' : documented];
    });
    const given = rows.map(([name = '', value = '']) => [quoted(name)[0], value.replaceAll('`', '')]);
    // Figures and calls are compared; a default that is described in words is described in both places.
    const exact = declared.filter(([, value]) => /^(?:required|[\d_]+|\w+\(\)|'\w+')$/.test(String(value)));
    expect(exact.length).toBeGreaterThan(8);
    expect(given).toEqual(expect.arrayContaining(exact));
  });
});

describe('the table of events', () => {
  const rows = rowsOf('Events');
  const events = declaration('core/events.ts', 'TokenEvents') as ts.InterfaceDeclaration;

  test('has every event, in the order of the declaration', () => {
    expect(rows.map(([name = '']) => quoted(name)[0])).toEqual(membersOf(events));
  });

  test.each(events.members.map((member) => [member.name?.getText() ?? '', member] as const))(
    'names the members of %s',
    (name, member) => {
      const [, payload = ''] = rows.find(([first]) => first === `\`${name}\``) ?? [];
      const own = ts.isPropertySignature(member) && member.type ? payloadOf(member.type) : [];
      expect(quoted(payload).sort()).toEqual(own.sort());
    },
  );

  /** The members of an event that not every event has. */
  function payloadOf(type: ts.TypeNode): string[] {
    if (ts.isIntersectionTypeNode(type)) return type.types.flatMap(payloadOf);
    if (ts.isTypeLiteralNode(type)) return membersOf(type);
    const named: Record<string, () => string[]> = {
      SessionEvent: () => [],
      StepUp: () => membersOf(declaration('core/http/rejection.ts', 'StepUp')),
      RefreshTimes: () => membersOf(declaration('core/events.ts', 'RefreshTimes')),
      RevocationResult: () => membersOf(declaration('core/oauth/revocation-result.ts', 'NotRevoked')),
    };
    const name = type.getText();
    const members = named[name];
    if (!members) throw new Error(`No test knows the members of ${name}`);
    return members();
  }
});

test('the table of the manager has every member', () => {
  const names = rowsOf('The manager').map(([name = '']) => /\w+/.exec(quoted(name)[0] ?? '')?.[0]);
  expect(names).toEqual(membersOf(declaration('token-manager.ts', 'TokenManager')));
});

describe('the table of errors', () => {
  const rows = rowsOf('Everyday use');
  const union = (name: string) => quoted(declaration('core/errors.ts', name).getText().replaceAll("'", '`'));
  const reasons: Record<string, string> = {
    ERR_LOGIN_REQUIRED: 'LoginRequiredReason',
    ERR_LOGIN_FAILED: 'LoginFailedReason',
    ERR_CONFIGURATION: 'ConfigurationErrorReason',
  };

  test('has every code with its class', () => {
    expect(rows.map(([code = '']) => quoted(code)[0]).sort()).toEqual(union('TokenKeepErrorCode').sort());
    for (const [code = '', name = ''] of rows) {
      const [, body] = textOf('core/errors.ts').split(`export class ${quoted(name)[0]} `);
      expect(body, name).toContain(`code = '${quoted(code)[0]}' as const`);
    }
  });

  test.each(Object.entries(reasons))('has every reason of %s, as has the guide', (code, type) => {
    const [, , remedy = ''] = rows.find(([first]) => first === `\`${code}\``) ?? [];
    expect(quoted(remedy)).toEqual(expect.arrayContaining(union(type)));
    const guide =
      readFileSync('examples/guides/failures.md', 'utf8') +
      readFileSync('examples/guides/storages.md', 'utf8');
    expect(
      union(type).filter((reason) => reason !== 'configuration' && !guide.includes(`\`${reason}\``)),
    ).toEqual([]);
  });
});

test('the table of entry points has every one', () => {
  expect(rowsOf('Entry points').map(([name = '']) => quoted(name)[0])).toEqual(
    expect.toSatisfy((names: string[]) => [...names].sort().join() === [...doors.keys()].sort().join()),
  );
});

test('the README has at most 350 lines, and every link leads to a file and a heading', () => {
  const text = readFileSync('README.md', 'utf8');
  expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(350);
  for (const [, file = '', heading] of text.matchAll(/\]\(([\w./-]+)(?:#([\w-]+))?\)/g)) {
    const target = readFileSync(file, 'utf8');
    const headings = [...target.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    if (heading) expect(headings, file).toContain(heading);
  }
});
