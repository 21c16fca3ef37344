/** One story on a mock and on a manager of the strict server: what an application sees must be the same. */
import { expect, test } from 'vitest';
import { isTokenKeepError, memoryStorage, TokenManager } from '../../../../src/index.ts';
import { authorizationServer, faults, mockTokenManager } from '../../../../src/testing/index.ts';
import { eventsOf, type RecordedEvent } from '../../../support/events.ts';

const api = 'https://api.test/orders';
const elsewhere = 'https://other.test/logo.svg';
const protectedResources = ['https://api.test/'];

type End = 'invalid_grant' | 'response_lost';

/** A manager, and how its user signs in and its session ends. */
interface Stage {
  readonly manager: TokenManager;
  signIn(subject: string): Promise<void>;
  endSession(reason: End): Promise<void>;
}

/** An API that both managers call: it rejects the tokens that a test names, and notes which requests had one. */
class Api {
  readonly rejected: Set<string> = new Set();
  readonly requests: string[] = [];

  readonly fetch = (input: unknown, init?: { headers?: unknown }): Response => {
    const authorization = new Headers(init?.headers as Record<string, string>).get('authorization');
    const token = authorization?.replace(/^Bearer /, '');
    this.requests.push(`${String(input)} ${token === undefined ? 'without' : 'with'} a token`);
    if (token === undefined || !this.rejected.has(token)) return new Response('{}');
    const headers = { 'www-authenticate': 'Bearer error="invalid_token"' };
    return new Response(null, { status: 401, headers });
  };
}

function mocked(backend: Api, subject?: string): Stage {
  const claims = subject === undefined ? undefined : { sub: subject };
  const manager = mockTokenManager({
    protectedResources,
    signedIn: subject !== undefined,
    claims,
    fetch: backend.fetch,
  });
  return {
    manager,
    signIn: (sub) => manager.signIn({ claims: { sub } }),
    endSession: (reason) => manager.endSession(reason),
  };
}

async function real(backend: Api, subject?: string): Promise<Stage> {
  const server = authorizationServer({ scope: ['openid', 'read'] });
  const transport = async (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    String(input).startsWith(server.issuer) ? await server.fetch(input, init) : backend.fetch(input, init);
  const { watch: _, ...storage } = memoryStorage();
  const open = () =>
    new TokenManager({
      clientId: 'test-client',
      authorizationServer: server.metadata,
      protectedResources,
      storage,
      fetch: transport as typeof fetch,
    });
  if (subject !== undefined) await open().setTokens(server.signIn({ subject }));
  const manager = open();
  const refresh = async (): Promise<unknown> => {
    const tokens = await manager.getTokens();
    return await manager.getAccessToken({ rejectedToken: tokens?.accessToken ?? '' }).catch(() => undefined);
  };
  return {
    manager,
    signIn: (sub) => manager.setTokens(server.signIn({ subject: sub })),
    async endSession(reason) {
      if (reason === 'invalid_grant') server.revokeFamily();
      else server.fail(faults.lostResponse);
      await refresh();
      if (reason === 'response_lost') await refresh();
    },
  };
}

/** The members of an event that do not differ from login to login. */
function seen({ type, error, ...event }: RecordedEvent): Record<string, unknown> {
  const { session, subject, where, rotated, replaced, resource } = event;
  const { code, reason, sent } = (error ?? {}) as Record<string, unknown>;
  const replacedSubject = (replaced as { subject?: string } | undefined)?.subject;
  return { type, session, subject, where, rotated, replacedSubject, resource, code, reason, sent };
}

async function outcome(call: Promise<Response>): Promise<string> {
  try {
    const response = await call;
    return String(response.status);
  } catch (error) {
    if (!isTokenKeepError(error)) throw error;
    return `${error.name} ${error.code} ${'reason' in error ? error.reason : ''}`;
  }
}

async function perform(stage: Stage, backend: Api): Promise<unknown> {
  const { manager, signIn, endSession } = stage;
  const events = eventsOf(manager);
  const outcomes: unknown[] = [];
  const call = async (url = api) => outcomes.push(await outcome(manager.fetch(url)));
  const tokens = async () => {
    const { tokenType, subject, refreshToken, idToken } = (await manager.getTokens()) ?? {};
    outcomes.push({
      tokenType,
      subject,
      hasRefreshToken: refreshToken !== undefined,
      hasId: idToken !== undefined,
    });
  };

  await call();
  await call(elsewhere);
  await tokens();
  backend.rejected.add((await manager.getTokens())?.accessToken ?? '');
  await Promise.all([call(), call(), call()]);
  outcomes.push(await manager.signOut());
  await call();
  await call(elsewhere);
  await tokens();
  await signIn('grace');
  await signIn('ada');
  await tokens();
  await call();
  for (const reason of ['invalid_grant', 'response_lost'] as const) {
    await endSession(reason);
    await call();
    await tokens();
    await signIn('ada');
    await call();
  }
  outcomes.push(await manager.forSession('another').getTokens());
  outcomes.push(await outcome(manager.forSession('another').fetch(api)));
  await manager.close();
  return { outcomes, events: events.map(seen), requests: backend.requests };
}

test.each(['ada', undefined])('a mock behaves like a manager, the user at first is %s', async (subject) => {
  const [mockApi, realApi] = [new Api(), new Api()];
  const expected = await perform(await real(realApi, subject), realApi);
  expect(await perform(mocked(mockApi, subject), mockApi)).toEqual(expected);
});
