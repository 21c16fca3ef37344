/** openapi-fetch: calls that are typed by the API's own description, with an access token. */
import createClient, { type Client } from 'openapi-fetch';
import type { TokenManager } from 'tokenkeep';

export interface Order {
  readonly id: string;
  readonly amount: number;
}

type Json<Content> = { content: { 'application/json': Content } };

/** The output of `npx openapi-typescript shop.yaml`. */
export interface paths {
  '/orders/{id}': {
    get: { parameters: { path: { id: string } }; responses: { 200: Json<Order> } };
  };
  '/orders': {
    post: { requestBody: Json<Order>; responses: { 200: Json<Order> } };
  };
}

/** @param baseUrl where the API is: one of the manager's protected resources, or beneath one. */
export function shopAt(baseUrl: string, manager: TokenManager): Client<paths> {
  return createClient<paths>({ baseUrl, fetch: manager.fetch });
}
