/** A GraphQL client with an access token: urql without a framework. */
import { Client, fetchExchange } from '@urql/core';
import { isTokenKeepError, type TokenManager } from 'tokenkeep';

export function graphqlClient(url: string, manager: TokenManager): Client {
  return new Client({ url, exchanges: [fetchExchange], fetch: manager.fetch });
}

/**
 * Returns the data of a query or a mutation. Throws errors that urql would return, and tokenkeep's own errors
 * unwrapped.
 */
export async function ask<Data>(client: Client, query: string, variables: object = {}): Promise<Data> {
  const isMutation = /^\s*mutation\b/.test(query);
  const { data, error } = await (isMutation
    ? client.mutation<Data>(query, variables)
    : client.query<Data>(query, variables)
  ).toPromise();
  if (isTokenKeepError(error?.networkError)) throw error.networkError;
  if (error !== undefined) throw error;
  return data as Data;
}
