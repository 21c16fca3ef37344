/** ky with everything that it is liked for, and an access token. */
import type { TokenManager } from 'tokenkeep';
import { authorizedKy } from 'tokenkeep/ky';

export interface Order {
  readonly id: string;
  readonly amount: number;
}

/** @param prefix where the orders are: one of the manager's protected resources, or beneath one. */
export function ordersAt(prefix: string, manager: TokenManager) {
  const api = authorizedKy(manager).extend({
    prefix,
    retry: { limit: 3, methods: ['get'] },
    timeout: 30_000, // a refresh may be in it
    hooks: { beforeRequest: [({ request }) => request.headers.set('x-request-id', crypto.randomUUID())] },
  });
  return {
    list: () => api.get('orders').json<Order[]>(),
    place: (order: Order) => api.post('orders', { json: order }).json<Order>(),
  };
}
