import { createHmac, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import {
  type ClientAuthentication,
  ConfigurationError,
  memoryLock,
  memoryStorage,
  StorageError,
  TokenManager,
  type TokenManagerOptions,
  type TokenStorage,
} from 'tokenkeep';
import { clientSecretBasic, clientSecretPost } from 'tokenkeep/client-authentication';
import { describe, expect, test } from 'vitest';

/** Every secret that a manager of this file comes across, with characters that every encoding writes in another way. */
const secrets = {
  accessToken: 'canary-access/1+x==',
  refreshToken: 'canary-refresh/1+x==',
  idToken: 'canary-id.1/x+y.sig==',
  nextAccessToken: 'canary-access/2+x==',
  nextRefreshToken: 'canary-refresh/2+x==',
  clientSecret: 'canary-secret:%+/x=',
  apiKey: 'canary-key/1+x==',
  parameter: 'canary-parameter/1 + x',
  extra: 'canary-extra/1+x==',
};

/** A JWT like those of tokenkeep/client-assertion, which does not load on React Native. */
const signedAssertion: ClientAuthentication = {
  method: 'client_secret_jwt',
  authenticate({ clientId, parameters }) {
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const content = `${encode({ alg: 'HS256' })}.${encode({ iss: clientId, sub: clientId, jti: 'canary-jti' })}`;
    const signature = createHmac('sha256', secrets.clientSecret).update(content).digest('base64url');
    parameters.set('client_assertion', `${content}.${signature}`);
  },
};

/** How a secret may be written. */
function spellings(secret: string): string[] {
  const base64 = (text: string) => Buffer.from(text).toString('base64').replace(/=+$/, '').slice(2, -2);
  return [
    secret,
    encodeURIComponent(secret),
    new URLSearchParams([['', secret]]).toString().slice(1),
    JSON.stringify(secret).slice(1, -1),
    base64(secret),
    base64(`x${secret}`),
    base64(`xx${secret}`),
  ];
}

/** Everything that can be seen of a value, by whatever way of looking at it. */
function visible(value: unknown): string {
  const attempts: (() => unknown)[] = [
    () =>
      inspect(value, {
        depth: 10,
        showHidden: true,
        getters: true,
        maxStringLength: null,
        maxArrayLength: null,
      }),
    () => inspect(value, { depth: 10, showProxy: true, compact: false }),
    () => String(value),
    () => JSON.stringify(value),
    () => inspect(structuredClone(value), { depth: 10, showHidden: true }),
    () => (value as Error | undefined)?.stack,
  ];
  const seen = attempts.map((attempt) => {
    try {
      return String(attempt());
    } catch (error) {
      return String(error);
    }
  });
  for (let link = value; link instanceof Error; link = link.cause) {
    seen.push(link.message, String(link.stack), JSON.stringify(Object.getOwnPropertyDescriptors(link)));
  }
  return seen.join('\n');
}

function expectNoSecret(...values: unknown[]) {
  const text = values.map(visible).join('\n');
  for (const [name, secret] of Object.entries(secrets)) {
    for (const spelling of spellings(secret)) {
      const at = text.indexOf(spelling);
      if (at >= 0)
        throw new Error(`${name} shows as ${spelling}: ${text.slice(Math.max(0, at - 200), at + 99)}`);
    }
  }
}

type Respond = (request: Request, body: string) => Response | Promise<Response>;

/** A manager that is full of secrets, and everything that it said. */
async function full(
  token: Respond,
  options: Partial<TokenManagerOptions> & { api?: Respond; expired?: boolean } = {},
) {
  const { api = () => new Response('fine'), expired = true, ...rest } = options;
  const names: string[] = [];
  const lock = memoryLock();
  const manager = new TokenManager({
    clientId: 'app',
    clientAuthentication: clientSecretPost(secrets.clientSecret),
    authorizationServer: {
      issuer: 'https://as.example.com',
      tokenEndpoint: 'https://as.example.com/token',
      revocationEndpoint: 'https://as.example.com/revoke',
      profile: { errorDetails: ['hint', 'details'] },
    },
    protectedResources: ['https://api.example.com/'],
    tokenRequest: { headers: { 'x-api-key': secrets.apiKey }, parameters: { more: secrets.parameter } },
    lock: {
      reach: 'process',
      request: (name, how, callback) => {
        names.push(name);
        return lock.request(name, how, callback);
      },
    },
    fetch: async (input, init) => {
      const request = new Request(input, init);
      const respond = request.url.startsWith('https://api.') ? api : token;
      return await respond(request, await request.clone().text());
    },
    ...rest,
  });
  const events: unknown[] = [];
  manager.on('*', (event) => void events.push(event));
  await manager
    .setTokens({
      accessToken: secrets.accessToken,
      refreshToken: secrets.refreshToken,
      idToken: secrets.idToken,
      extra: { device: secrets.extra },
      expiresAt: expired ? Date.now() - 1 : Date.now() + 3_600_000,
    })
    .catch((error: unknown) => events.push(error));
  return { manager, events, names };
}

/** Secrets that the server has received or sent. */
const { nextAccessToken: _access, nextRefreshToken: _refresh, ...sent } = secrets;
const everything = Object.values(sent).join(' ');
const echoes: [string, () => Response][] = [
  ...Object.entries(sent).flatMap(([name, secret]): [string, () => Response][] => [
    [
      `the ${name} as the error code`,
      () => Response.json({ error: secret.replace(/\s/g, '') }, { status: 400 }),
    ],
    [`the ${name} within an error code`, () => Response.json({ error: `bad_${secret}_` }, { status: 400 })],
  ]),
  [
    'everything as the description',
    () => Response.json({ error: 'invalid_grant', error_description: everything }, { status: 400 }),
  ],
  ['everything as a code', () => Response.json({ error: everything.replaceAll(' ', '') }, { status: 401 })],
  [
    'everything as a message',
    () => Response.json({ message: everything, details: [everything] }, { status: 403 }),
  ],
  [
    'everything in the details that a profile names',
    () =>
      Response.json(
        { error: 'invalid_request', hint: everything, details: [{ [everything]: [everything, 1, null] }] },
        { status: 400 },
      ),
  ],
  [
    'everything in the details of a dead grant',
    () => Response.json({ error: 'invalid_grant', hint: Object.values(sent) }, { status: 400 }),
  ],
  ['everything in HTML', () => new Response(`<html>${everything}`, { status: 500 })],
  ['everything with a 200', () => Response.json({ error: 'x', error_description: everything })],
  [
    'everything in headers',
    () => new Response(null, { status: 429, headers: { 'retry-after': encodeURIComponent(everything) } }),
  ],
  [
    'everything in a redirect',
    () => Response.redirect(`https://elsewhere.example/?x=${encodeURIComponent(everything)}`, 302),
  ],
  ['everything in a success that is none', () => Response.json({ token: everything })],
  [
    'a type that we do not know',
    () =>
      Response.json({
        access_token: secrets.nextAccessToken,
        token_type: 'mac',
        refresh_token: secrets.nextRefreshToken,
      }),
  ],
];

describe('a server that echoes secrets (law no-token-in-words, 6749-17, 6749-18)', () => {
  test.each(echoes)('%s', async (_name, echo) => {
    for (const clientAuthentication of [
      clientSecretPost(secrets.clientSecret),
      clientSecretBasic(secrets.clientSecret),
      clientSecretBasic(secrets.clientSecret, { encoding: 'plain' }),
    ]) {
      const { manager, events, names } = await full(echo, { clientAuthentication });
      const errors = [
        await manager.getAccessToken().catch((error: unknown) => error),
        await manager.fetch('https://api.example.com/').catch((error: unknown) => error),
      ];
      expect(errors[0]).toBeInstanceOf(Error);
      expect(events.length).toBeGreaterThan(1);
      await manager.signOut();
      expectNoSecret(...errors, ...events, ...names, manager);
    }
  });

  test('an API that echoes the token in its challenge', async () => {
    const challenge = `Bearer error="insufficient_scope", scope="read ${secrets.accessToken}"`;
    const acr = `Bearer error="insufficient_user_authentication", acr_values="${secrets.accessToken}"`;
    const claims = `Bearer error="insufficient_claims", claims="${secrets.accessToken}"`;
    for (const value of [challenge, acr, claims]) {
      const { manager, events } = await full(() => new Response(), {
        expired: false,
        api: () => new Response(null, { status: 403, headers: { 'www-authenticate': value } }),
      });
      expect((await manager.fetch('https://api.example.com/')).status).toBe(403);
      expect(events).toContainEqual(expect.objectContaining({ type: 'stepUpRequired' }));
      expectNoSecret(...events);
    }
  });
});

describe('a transport whose error contains the request', () => {
  const told = (request: Request, body: string) => {
    const headers = JSON.stringify([...request.headers]);
    const raw = [...new URLSearchParams(body).values()].join(' ');
    return `request to ${request.url} failed: ${body} ${raw} ${headers}`;
  };
  const failures: [string, (text: string) => Error][] = [
    ['in its message', (text) => new TypeError(text)],
    [
      'in its cause',
      (text) => new TypeError('fetch failed', { cause: new Error(text, { cause: new Error(text) }) }),
    ],
    [
      'in a property',
      (text) => Object.assign(new Error('failed'), { config: { data: text }, request: text }),
    ],
    ['in its stack', (text) => Object.assign(new Error('failed'), { stack: text })],
    ['in its name', (text) => Object.assign(new Error('failed'), { name: text })],
    ['and never connected', (text) => Object.assign(new Error(text), { code: 'ECONNREFUSED' })],
    ['in one of several', (text) => new AggregateError([new Error(text)], text)],
  ];
  const methods: [string, ClientAuthentication][] = [
    ['in the body', clientSecretPost(secrets.clientSecret)],
    ['by Basic', clientSecretBasic(secrets.clientSecret)],
    ['by plain Basic', clientSecretBasic(secrets.clientSecret, { encoding: 'plain' })],
    ['by an assertion', signedAssertion],
  ];

  test.each(
    methods.flatMap(([how, method]) => failures.map(([where, make]) => ({ how, method, where, make }))),
  )('$where, secret $how', async ({ method, make }) => {
    const bodies: string[] = [];
    const { manager, events } = await full(
      (request, body) => {
        bodies.push(body);
        return Promise.reject(make(told(request, body)));
      },
      { clientAuthentication: method },
    );
    const error = await manager.getAccessToken().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_REFRESH_FAILED' });
    expectNoSecret(error, ...events);
    const assertion = new URLSearchParams(bodies[0]).get('client_assertion');
    if (assertion) expect([error, ...events].map(visible).join()).not.toContain(assertion);
  });
});

describe('a storage or a lock whose error contains its arguments', () => {
  const granted = () =>
    Response.json({
      access_token: secrets.nextAccessToken,
      refresh_token: secrets.nextRefreshToken,
      expires_in: 3600,
      device: secrets.extra,
    });

  const told = async (manager: TokenManager) => {
    const errors = [
      await manager.getAccessToken().catch((error: unknown) => error),
      await manager.getTokens().catch((error: unknown) => error),
      await manager.signOut().catch((error: unknown) => error),
      await manager
        .setTokens({ access_token: secrets.accessToken, refresh_token: secrets.refreshToken })
        .catch((error: unknown) => error),
    ].filter((error) => error instanceof Error);
    await manager.close();
    expect(errors.length).toBeGreaterThan(0);
    return errors;
  };

  test('a write whose error contains the record', async () => {
    const storage = memoryStorage();
    const { manager, events } = await full(granted, { storage });
    storage.write = (key, record) => Promise.reject(new Error(`SET ${key} ${JSON.stringify(record)} failed`));
    expectNoSecret(...(await told(manager)), ...events);
  });

  test('a read whose parser quotes what it could not read', async () => {
    const storage = memoryStorage();
    const { manager, events } = await full(granted, { storage });
    storage.read = async () => JSON.parse(`${secrets.refreshToken}{`);
    const errors = await told(manager);
    expectNoSecret(...errors, ...events);
    expect([...errors, ...events].map(visible).join()).not.toContain('canary');
  });

  test('a successor that cannot be stored', async () => {
    const storage = memoryStorage();
    const { manager, events } = await full(granted, { storage });
    const write = storage.write.bind(storage);
    let writes = 0;
    storage.write = (key, record, version) => {
      writes += 1;
      if (writes === 1) return write(key, record, version); // the mark
      return Promise.reject(new Error(`cannot write ${JSON.stringify(record)}`));
    };
    expect(await manager.getAccessToken()).toBe(secrets.nextAccessToken);
    expect(events).toContainEqual(expect.objectContaining({ type: 'storeFailed' }));
    expectNoSecret(...events, manager);
    await manager.close();
  });

  describe('errors of storages and locks', () => {
    const quoting = (record: unknown, conflict = false): [string, Error][] => {
      const text = `the row ${JSON.stringify(record)} is refused`;
      const cause = new Error(text, { cause: new Error(text) });
      return [
        ['a StorageError', new StorageError(text, { operation: 'write', conflict, cause })],
        ['an error of another class of ours', new ConfigurationError(text, { cause })],
        [
          'a StorageError with a property',
          Object.assign(new StorageError('no', { operation: 'write' }), { row: text }),
        ],
        [
          'a StorageError with a stack',
          Object.assign(new StorageError('no', { operation: 'write' }), { stack: text }),
        ],
      ];
    };

    test.each([0, 1, 2, 3])('removes the record from the error of a write (%i)', async (index) => {
      const storage = memoryStorage();
      const { manager, events } = await full(granted, { storage });
      storage.write = (_key, record) => Promise.reject(quoting(record)[index]?.[1]);
      const errors = await told(manager);
      expect(errors).toContainEqual(expect.objectContaining({ code: 'ERR_STORAGE' }));
      expect(events).toContainEqual(expect.objectContaining({ type: 'storeFailed' }));
      expectNoSecret(...errors, ...events);
    });

    test.each([0, 1, 2, 3])('removes the record from the error of a delete (%i)', async (index) => {
      const storage = memoryStorage();
      const { manager, events } = await full(granted, { storage });
      const { record } = (await storage.read('app/default')) ?? {};
      storage.delete = () => Promise.reject(quoting(record)[index]?.[1]);
      const error = await manager.signOut().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ERR_STORAGE', operation: 'delete' });
      expectNoSecret(error, ...events);
    });

    test('drops the details of a conflict', async () => {
      const storage = memoryStorage();
      const { manager, events } = await full(granted, { storage });
      storage.write = (_key, record) => Promise.reject(quoting(record, true)[0]?.[1]);
      const errors = await told(manager);
      expectNoSecret(...errors, ...events);
    });

    test('removes the tokens in memory from the error of a read', async () => {
      const storage = memoryStorage();
      const { manager, events } = await full(granted, { storage, expired: false });
      storage.read = () => Promise.reject(quoting(secrets.accessToken)[0]?.[1]);
      const error = await manager.getTokens().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ERR_STORAGE', operation: 'write' });
      expectNoSecret(error, ...events);
    });

    test('removes the tokens in memory from the error of a lock', async () => {
      const { manager, events } = await full(granted, {
        lock: { reach: 'process', request: () => Promise.reject(quoting(secrets.accessToken)[0]?.[1]) },
      });
      const error = await manager.getAccessToken().catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'ERR_STORAGE' });
      expectNoSecret(error, ...events);
    });
  });

  describe('that is large (K2a)', () => {
    const avatar = `data:image/png;base64,${randomBytes(18_450).toString('base64')}`;
    const large = async (storage: TokenStorage, respond: Respond) => {
      const scene = await full(respond, { storage });
      await scene.manager.setTokens({
        accessToken: secrets.accessToken,
        refreshToken: secrets.refreshToken,
        expiresAt: Date.now() - 1,
        extra: { avatar, more: secrets.extra },
      });
      return scene;
    };

    test('a refusal ends the session with its own reason, and the token is sent once', async () => {
      let sends = 0;
      const { manager, events } = await large(memoryStorage(), () => {
        sends += 1;
        return Response.json({ error: 'invalid_grant', hint: everything + avatar }, { status: 400 });
      });
      const error = await manager.getAccessToken().catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'ERR_LOGIN_REQUIRED',
        reason: 'invalid_grant',
        error: 'invalid_grant',
      });
      await manager.getAccessToken().catch(() => undefined);
      expect(sends).toBe(1);
      expect(events).toContainEqual(expect.objectContaining({ type: 'sessionEnded' }));
      expectNoSecret(error, ...events);
    });

    test('a storage error contains neither the tokens nor the text', async () => {
      const storage = memoryStorage();
      const { manager, events } = await large(storage, granted);
      storage.write = (key, record) =>
        Promise.reject(new Error(`SET ${key} ${JSON.stringify(record)} failed`));
      const errors = await told(manager);
      expectNoSecret(...errors, ...events);
      expect([...errors, ...events].map(visible).join()).not.toContain(avatar.slice(100, 120));
    });
  });

  test('a lock', async () => {
    const { manager, events } = await full(granted, {
      lock: { reach: 'process', request: (name) => Promise.reject(new Error(`cannot lock ${name}`)) },
    });
    const error = await manager.getAccessToken().catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ERR_LOCK_TIMEOUT' });
    expectNoSecret(error, ...events);
  });

  test('a foreign record', async () => {
    const storage = memoryStorage();
    await storage.write(
      'app/default',
      { schema: 9, accessToken: secrets.accessToken, note: everything },
      undefined,
    );
    const manager = new TokenManager({
      clientId: 'app',
      authorizationServer: { tokenEndpoint: 'https://as.example.com/token' },
      protectedResources: ['https://api.example.com/'],
      storage,
    });
    const events: unknown[] = [];
    manager.on('recordRejected', (event) => void events.push(event));
    const error = await manager.getAccessToken().catch((reason: unknown) => reason);
    expect(events).toHaveLength(1);
    expectNoSecret(error, ...events);
  });
});

describe('a manager that is full of tokens', () => {
  test('shows none of them, fresh, after a refresh, and per session', async () => {
    const { manager, events, names } = await full(
      () =>
        Response.json({
          access_token: secrets.nextAccessToken,
          refresh_token: secrets.nextRefreshToken,
          id_token: secrets.idToken,
          expires_in: 3600,
        }),
      { api: () => new Response('fine') },
    );
    expectNoSecret(manager);
    await manager.fetch('https://api.example.com/');
    const user = manager.forSession('user-1');
    await user.setTokens({ access_token: secrets.accessToken, refresh_token: secrets.refreshToken });
    expect(names.length).toBeGreaterThan(0);
    expectNoSecret(manager, user, manager.fetch, clientSecretPost(secrets.clientSecret), ...events, ...names);
    expect(JSON.stringify(manager)).toBe('{}');
  });

  test.each<[string, ClientAuthentication]>([
    ['client_secret_post', clientSecretPost(secrets.clientSecret)],
    ['client_secret_basic', clientSecretBasic(secrets.clientSecret)],
  ])('neither does a method of authentication: %s', (_name, method) => {
    expectNoSecret(method);
  });

  test('the detector of this file sees what is there', () => {
    for (const secret of Object.values(secrets)) {
      for (const spelling of spellings(secret)) {
        expect(() => expectNoSecret(new Error('x', { cause: new Error(`a ${spelling} b`) }))).toThrow();
      }
      expect(() => expectNoSecret(Object.defineProperty({}, 'hidden', { value: { secret } }))).toThrow();
    }
  });
});
