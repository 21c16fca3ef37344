// @vitest-environment jsdom
/** The screen of the application with a mock of the manager: the test decides who is signed in, and there is no server. */
import { mockTokenManager } from 'tokenkeep/testing';
import { beforeEach, expect, test } from 'vitest';
import { OrdersApp } from './orders.ts';

const url = 'https://api.example.com/orders';
const protectedResources = ['https://api.example.com/'];
let answer: () => Response;
beforeEach(() => {
  answer = () => Response.json([{ id: 'first' }]);
});

/** Puts the application into the page, as a component would be. */
async function render(signedIn: boolean) {
  const manager = mockTokenManager({ protectedResources, signedIn, fetch: () => answer() });
  const app = new OrdersApp(manager, url);
  const show = () => {
    document.body.textContent = `${app.screen}: ${app.orders.map(({ id }) => id).join()}`;
  };
  manager.on('*', show);
  await app.load();
  show();
  return { manager, app, show };
}

test('a user who is signed in sees the orders', async () => {
  await render(true);
  expect(document.body.textContent).toBe('orders: first');
});

test('a user who is not signed in sees the login, and the orders after it', async () => {
  const { manager, app, show } = await render(false);
  expect(document.body.textContent).toBe('sign in: ');
  await manager.signIn({ claims: { sub: 'ada' } });
  await app.load();
  show();
  expect(document.body.textContent).toBe('orders: first');
});

test('nothing stays on the screen when the session ends', async () => {
  const { manager } = await render(true);
  await manager.endSession();
  expect(document.body.textContent).toBe('sign in: ');
});

test('the orders stay on the screen while the API is busy', async () => {
  const { app, show } = await render(true);
  answer = () => new Response(null, { status: 503 });
  await app.load();
  show();
  expect(document.body.textContent).toBe('try again later: first');
});
