/** A worker at the edge: one isolate, many requests, and a manager that they share. */
import * as tokenkeep from 'tokenkeep';
import * as browser from 'tokenkeep/browser';
import * as clientAssertion from 'tokenkeep/client-assertion';
import * as clientAuthentication from 'tokenkeep/client-authentication';
import * as dpop from 'tokenkeep/dpop';
import * as ky from 'tokenkeep/ky';
import * as login from 'tokenkeep/login';
import * as opentelemetry from 'tokenkeep/opentelemetry';
import * as postgres from 'tokenkeep/postgres';
import * as providers from 'tokenkeep/providers';
import * as redis from 'tokenkeep/redis';
import * as dialects from 'tokenkeep/testing/dialects';
import * as worker from 'tokenkeep/worker';
import { type Given, open, story } from './story.ts';

const doors = {
  tokenkeep,
  browser,
  clientAssertion,
  clientAuthentication,
  dpop,
  ky,
  login,
  opentelemetry,
  postgres,
  providers,
  redis,
  worker,
  dialects,
};

let shared: tokenkeep.TokenManager | undefined;

const deeds: Record<string, (given: Given) => unknown> = {
  '/doors': () => Object.entries(doors).map(([name, door]) => [name, Object.keys(door).length > 0]),
  '/story': story,
  async '/open'(given) {
    shared = open(given);
    await shared.setTokens(given.tokens);
  },
  '/call': async ({ apiUrl }) => (await shared?.fetch(`${apiUrl}/orders`))?.status,
};

export async function answer(request: Request): Promise<Response> {
  try {
    const deed = deeds[new URL(request.url).pathname];
    return Response.json((await deed?.((await request.json()) as Given)) ?? null);
  } catch (error) {
    return Response.json(String(error), { status: 500 });
  }
}
