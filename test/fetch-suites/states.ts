/**
 * The `fetch` that a suite runs with.
 *
 * - `bare`: the suite's own `fetch`.
 * - `held`: that of a manager that holds a valid token.
 * - `rejected`: the same, and the server rejects the token of every call once.
 * - `elsewhere`: that of a manager whose protected resources are somewhere else.
 */
export const states = ['bare', 'held', 'rejected', 'elsewhere'] as const;
export type State = (typeof states)[number];

/** How many ports a process of a suite may listen on. Protected resources are named before there is a server. */
export const portsEach = 24;
