/** The application, signed in, with the test server in place of the network. It knows of no test runner. */
import { TokenManager, type TokenManagerOptions } from 'tokenkeep';
import { type AuthorizationServerOptions, authorizationServer } from 'tokenkeep/testing';
import { type Order, OrdersApp } from './orders.ts';

export async function scene(
  server: AuthorizationServerOptions = {},
  client: Partial<TokenManagerOptions> = {},
) {
  const orders: Order[] = [{ id: 'first' }];
  const shop = authorizationServer({
    ...server,
    /** The API of the shop, for requests with a valid token. */
    async api(request) {
      if (request.method === 'POST') orders.push((await request.json()) as Order);
      return Response.json(orders);
    },
  });
  const manager = new TokenManager({
    clientId: 'test-client',
    authorizationServer: shop.metadata,
    protectedResources: [shop.apiOrigin],
    fetch: shop.fetch,
    ...client,
  });
  await manager.setTokens(shop.signIn());
  const app = new OrdersApp(manager, `${shop.apiOrigin}/orders`);
  await app.load();
  return { app, shop, orders, manager };
}
