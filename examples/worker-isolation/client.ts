/// <reference types="vite/client" />
/** Addresses and names that the page and the worker share. */
import { discover } from 'tokenkeep';

const { VITE_ISSUER, VITE_API, VITE_WORKER } = import.meta.env;
export const client = {
  clientId: 'spa',
  authorizationServer: discover(VITE_ISSUER ?? 'http://127.0.0.1:4000'),
};
export const api: string = VITE_API ?? 'http://127.0.0.1:4001/';
export const isShared: boolean = VITE_WORKER === 'shared';

/** A login that the page has begun, and the worker ends: where the user came back to, and what has waited for that. */
export interface ReturnedLogin {
  readonly callback: string;
  readonly pending: Map<string, string>;
}
