/**
 * `npm run demo`: what tokenkeep is for, against a real authorization server that revokes the whole session when it sees
 * a refresh token twice. Every claim is compared with what the two servers counted; one that is false ends in exit code 1.
 */
import { TokenManager } from 'tokenkeep';
import { hiccups } from './hiccups.ts';
import { naive } from './naive.ts';
import { paint } from './paint.ts';
import { columns, deadly, openStage, over } from './stage.ts';
import { Story } from './story.ts';
import { recorder } from './timeline.ts';

const stage = await openStage();
const { server, api, tokens, family } = stage;
const { issuer, tokenEndpoint, revocationEndpoint } = server;
const story = new Story({ measure: stage.measure, columns, deadly, write: console.log, paint: paint() });
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

await story.chapter('200 calls as the token expires', async ({ say, draw, claim, facts }) => {
  say('the access token lasts 2 s; asking the server until it has expired');
  await over(server, (await manager.getTokens())?.accessToken ?? '');
  server.accessTokensLive(300);
  wire.picture();
  say('it has expired: 200 calls');
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
  claim('refresh tokens spent so far, in one chain', family.chain, family.spent);
  claim('refresh tokens reused', family.reuses, 0);
});

await story.chapter('The server has hiccups', hiccups({ ...stage, manager, clock, call }));

await story.chapter('Without tokenkeep', naive(stage));

await story.chapter('Signing out', async ({ claim, facts }) => {
  const { accessToken = '', refreshToken = '' } = (await manager.getTokens()) ?? {};
  const says = async (token: string) => ((await server.introspect(token)).active ? 'alive' : 'dead');
  claim(
    'both tokens, says the server',
    [await says(accessToken), await says(refreshToken)],
    ['alive', 'alive'],
  );
  claim('revoked, says tokenkeep', (await manager.signOut()).revoked, true);
  claim('sessions revoked, says the server', family.revocations, 1);
  claim(
    'both tokens now, says the server',
    [await says(accessToken), await says(refreshToken)],
    ['dead', 'dead'],
  );
  claim('a call now', await call().catch((error) => error.code), 'ERR_LOGIN_REQUIRED');
  claim('requests that it made', facts().posts + facts().calls, 0);
  claim('refresh tokens spent in all this, in one chain', family.chain, family.spent);
  claim('refresh tokens reused in all this', family.reuses, 0);
});

process.exitCode = story.close();
await manager.close();
await stage.close();
