/**
 * How long the laws of a conformance kit wait for an event, on a busy machine: ten times the time of the slowest of them here. Only
 * a broken law takes so long.
 */
export const conformanceTimeout = { timeout: 30_000 } as const;
