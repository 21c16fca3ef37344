/**
 * `npm run demo`: what tokenkeep is for, against a real authorization server that revokes the whole session when it sees
 * a refresh token twice. Every claim is compared with what the two servers counted; one that is false ends in exit code 1.
 */
import { TokenManager } from 'tokenkeep';
import { hiccups } from './hiccups.ts';
import { naive } from './naive.ts';
import { paint } from './paint.ts';
import { columns, openStage, over } from './stage.ts';
import { Story } from './story.ts';
import { recorder } from './timeline.ts';

const stage = await openStage();
const { server, api, tokens, family } = stage;
const { issuer, tokenEndpoint, revocationEndpoint } = server;
const story = new Story({ measure: stage.measure, columns, write: console.log, paint: paint() });
story.open('tokenkeep: the main job, on a real server', stage.cast);

const clock = { ahead: 0, now: () => Date.now() + clock.ahead };
const wire = recorder(tokenEndpoint);
const manager = new TokenManager({
  clientId: server.clients.public.clientId,
  authorizationServer: { issuer, tokenEndpoint, revocationEndpoint },
  protectedResources: [api.url],
  fetch: wire.fetch,
  clock,
});
await manager.setTokens(tokens);
const call = async () => (await manager.fetch(api.url)).json() as Promise<{ user: string }>;

await story.chapter('A call', async ({ claim, facts }) => {
  claim('the API knows who is calling', (await call()).user, 'ada');
  claim('calls answered 200', facts().ok, 1);
});

await story.chapter('200 calls at once, as the access token expires', async ({ say, draw, claim, facts }) => {
  say('the access token lives 2 s; asking the server until it is over');
  await over(server, tokens.access_token);
  server.accessTokensLive(300);
  wire.picture();
  say('it is over: 200 calls');
  await Promise.all(Array.from({ length: 200 }, call));
  draw(wire.picture());
  claim('calls answered 200', facts().ok, 200);
  claim('refreshes', facts().refreshes, 1);
});

await story.chapter('A late 401', async ({ say, claim, facts }) => {
  const held = api.hold();
  const late = call();
  await Promise.race([held.arrived, late]);
  say('a call is on its way; its access token ends; another call refreshes');
  await server.endAccessToken(await manager.getAccessToken());
  await call();
  const { refreshes } = facts();
  held.release();
  say('only now the first call gets its 401');
  await late;
  claim('calls answered 401, then 200', [facts().rejected, facts().ok], [2, 2]);
  claim('refreshes for the late 401', facts().refreshes - refreshes, 0);
});

await story.chapter('The successor is used next', async ({ say, claim, facts }) => {
  for (const round of ['once', 'twice', 'three times']) {
    await server.endAccessToken(await manager.getAccessToken());
    await call();
    say(`rotated ${round}`);
  }
  claim('refreshes', facts().refreshes, 3);
  claim('refresh tokens spent in this session so far', family.spent, 5);
  claim('each the successor of the one before: a chain of', family.chain, 5);
  claim('refresh tokens reused', family.reuses, 0);
});

await story.chapter('The server has a hiccup, twice', hiccups({ ...stage, manager, clock, call }));

await story.chapter('Without tokenkeep: bob, and two refreshes with one token', naive(stage));

await story.chapter('Signing out', async ({ claim, facts }) => {
  const last = await manager.getTokens();
  claim(
    'the session was alive, says the server',
    (await server.introspect(last?.accessToken ?? '')).active,
    true,
  );
  claim('revoked, says tokenkeep', (await manager.signOut()).revoked, true);
  claim('revoked, says the server', family.revocations, 1);
  claim('the access token works', (await server.introspect(last?.accessToken ?? '')).active, false);
  claim('the refresh token works', (await server.introspect(last?.refreshToken ?? '')).active, false);
  claim('a call now', await call().catch((error) => error.code), 'ERR_LOGIN_REQUIRED');
  claim('requests for it', [facts().posts, facts().calls], [0, 0]);
  claim(
    'refresh tokens spent and reused in all this',
    [family.spent, family.chain, family.reuses],
    [7, 7, 0],
  );
});

process.exitCode = story.close();
await manager.close();
await stage.close();
