/**
 * How long the laws of a conformance kit wait for what has to happen, on a machine that is busy with other things: ten times
 * what is enough for the slowest of them here. Only a law that is broken takes so long.
 */
export const patience = { timeout: 30_000 } as const;
