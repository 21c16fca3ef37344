/** The cost of one call. */
type Call = () => Promise<unknown>;

/** Nanoseconds per call, over so many calls one after the other. */
export async function nanoseconds(call: Call, calls: number): Promise<number> {
  const start = performance.now();
  for (let done = 0; done < calls; done++) await call();
  return ((performance.now() - start) * 1e6) / calls;
}

/** Bytes that a call leaves to the garbage collector: the median of several tries, each too short for it to run. */
export async function bytes(call: Call): Promise<number> {
  const calls = 500;
  const tries: number[] = [];
  for (let attempt = 0; attempt < 15; attempt++) {
    globalThis.gc?.();
    const before = process.memoryUsage().heapUsed;
    for (let done = 0; done < calls; done++) await call();
    tries.push((process.memoryUsage().heapUsed - before) / calls);
  }
  return tries.sort((a, b) => a - b)[7] ?? Number.NaN;
}
