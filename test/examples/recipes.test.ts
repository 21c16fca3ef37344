/** The recipes of examples/, each against the strict server over HTTP, with an expiry in the middle. */
import type { AxiosError } from 'axios';
import { HTTPError } from 'ky';
import { describe, expect, test } from 'vitest';
import { authorizedAxios } from '../../examples/axios/authorized-axios.ts';
import { ask, graphqlClient } from '../../examples/graphql/graphql-client.ts';
import { ordersAt } from '../../examples/ky/orders.ts';
import { shopAt } from '../../examples/openapi-fetch/shop.ts';
import type { ApiEcho } from '../../src/testing/server/protected-api.ts';
import { rejection, times } from '../support/promises.ts';
import { oneRefresh, protectedPlace, stage } from './support/stage.ts';

const order = { id: '7', amount: 12 };
const sent = (echo: unknown): unknown => JSON.parse(atob((echo as ApiEcho).body.base64 ?? ''));
const pathOf = (echo: unknown) => (echo as ApiEcho).path;
const dead = { code: 'ERR_LOGIN_REQUIRED', reason: 'invalid_grant' };

describe('ky', () => {
  test('all calls succeed across an expiry, with one refresh', async () => {
    await using world = await stage();
    const orders = ordersAt(`${world.apiUrl}/v1`, world.manager);
    expect(pathOf(await orders.list())).toBe('/v1/orders');
    world.server.expire();
    const echoes = await Promise.all(times(20, (index) => orders.place({ ...order, amount: index })));
    expect(echoes.map(sent)).toEqual(times(20, (index) => ({ ...order, amount: index })));
    expect(world.server.counts).toMatchObject({ ...oneRefresh, apiCalls: 41 });
  });

  test('a dead session is a LoginRequiredError, another status an HTTPError', async () => {
    await using world = await stage();
    const orders = ordersAt(world.apiUrl, world.manager);
    world.server.fail({ response: { status: 404 } }, { on: 'api' });
    expect(await rejection(orders.list())).toBeInstanceOf(HTTPError);
    world.server.revokeFamily();
    expect(await rejection(orders.list())).toMatchObject(dead);
  });
});

describe('axios', () => {
  test('all calls succeed across an expiry, with one refresh', async () => {
    await using world = await stage();
    const api = authorizedAxios(world.manager, { baseURL: `${world.apiUrl}/v1` });
    expect(pathOf((await api.get('/orders', { params: { page: 2 } })).data)).toBe('/v1/orders?page=2');
    world.server.expire();
    const answers = await Promise.all(times(20, (amount) => api.post('/orders', { ...order, amount })));
    expect(answers.map(({ data }) => sent(data))).toEqual(times(20, (amount) => ({ ...order, amount })));
    expect(world.server.counts).toMatchObject({ ...oneRefresh, apiCalls: 41 });
  });

  test('progress, a timeout, and the errors that users of axios know', async () => {
    await using world = await stage();
    const api = authorizedAxios(world.manager, { baseURL: world.apiUrl });
    const progress: number[] = [];
    world.server.expire();
    await api.put('/file', new Uint8Array(5000), { onUploadProgress: ({ loaded }) => progress.push(loaded) });
    expect(progress.at(-1)).toBe(5000);
    world.server.fail({ response: { status: 404, body: 'none' } }, { on: 'api' });
    const missing = (await rejection(api.get('/orders'))) as unknown as AxiosError;
    expect([missing.name, missing.response?.status, missing.response?.data]).toEqual([
      'AxiosError',
      404,
      'none',
    ]);
    world.server.fail({ hang: true }, { on: 'api' });
    expect(await rejection(api.get('/orders', { timeout: 30 }))).toMatchObject({ code: 'ETIMEDOUT' });
    world.server.revokeFamily();
    expect(await rejection(api.get('/orders'))).toMatchObject(dead);
  });
});

describe('openapi-fetch', () => {
  test('all calls succeed across an expiry, with one refresh', async () => {
    await using world = await stage();
    const shop = shopAt(world.apiUrl, world.manager);
    const { data } = await shop.GET('/orders/{id}', { params: { path: { id: '7' } } });
    expect(pathOf(data)).toBe('/orders/7');
    world.server.expire();
    const answers = await Promise.all(
      times(20, (amount) => shop.POST('/orders', { body: { ...order, amount } })),
    );
    expect(answers.map((answer) => sent(answer.data))).toEqual(times(20, (amount) => ({ ...order, amount })));
    expect(world.server.counts).toMatchObject({ ...oneRefresh, apiCalls: 41 });
  });

  test('a refusal of the API is its error; a dead session rejects', async () => {
    await using world = await stage();
    const shop = shopAt(world.apiUrl, world.manager);
    const get = () => shop.GET('/orders/{id}', { params: { path: { id: '7' } } });
    world.server.fail({ response: { status: 404, body: '{"no":1}' } }, { on: 'api' });
    expect(await get()).toMatchObject({ error: { no: 1 }, response: { status: 404 } });
    world.server.revokeFamily();
    expect(await rejection(get())).toMatchObject(dead);
  });
});

describe('GraphQL', () => {
  /** Says back what it was asked. */
  const graphql = () =>
    protectedPlace(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const query = new URL(request.url ?? '', 'http://x').searchParams;
      const asked = JSON.parse(Buffer.concat(chunks).toString() || JSON.stringify(Object.fromEntries(query)));
      const { amount } = typeof asked.variables === 'string' ? JSON.parse(asked.variables) : asked.variables;
      response.writeHead(200, { 'content-type': 'application/json' });
      const wrong = amount < 0 && { errors: [{ message: 'The amount must not be negative.' }], data: null };
      response.end(JSON.stringify(wrong || { data: { place: { amount } } }));
    });
  const place = 'mutation ($amount: Int) { place(amount: $amount) { amount } }';
  const look = 'query ($amount: Int) { place(amount: $amount) { amount } }';

  test('all calls succeed across an expiry, with one refresh', async () => {
    await using api = await graphql();
    await using world = await stage(api);
    const client = graphqlClient(api.url, world.manager);
    expect(await ask(client, look, { amount: 1 })).toEqual({ place: { amount: 1 } });
    world.server.expire();
    const asked = times(20, (amount) => ask(client, amount % 2 ? look : place, { amount }));
    expect(await Promise.all(asked)).toEqual(times(20, (amount) => ({ place: { amount } })));
    expect(world.server.counts).toMatchObject(oneRefresh);
  });

  test('errors of the API are those of urql; a dead session is a LoginRequiredError', async () => {
    await using api = await graphql();
    await using world = await stage(api);
    const client = graphqlClient(api.url, world.manager);
    expect((await rejection(ask(client, place, { amount: -1 }))).message).toContain('must not be negative');
    world.server.revokeFamily();
    expect(await rejection(ask(client, look, { amount: 1 }))).toMatchObject(dead);
  });
});
