/**
 * Keeping a process alive while a caller waits. The timers and watchers of a manager do not keep it alive, so a process
 * that waits for nothing else would end in the middle of a call, with exit code 0.
 *
 * @module
 */

/** An open channel keeps Node, Bun and Deno alive. Deno cannot unref a channel, so there it is closed. */
interface Hold {
  ref?(): void;
  unref?(): void;
  close(): void;
}

let callers = 0;
let hold: Hold | undefined;

/** Returns what `promise` settles to, and keeps the process alive until then. */
export async function keepAlive<T>(promise: Promise<T>): Promise<T> {
  callers += 1;
  if (callers === 1) {
    hold ??= open();
    hold?.ref?.();
  }
  try {
    return await promise;
  } finally {
    callers -= 1;
    if (callers === 0) release();
  }
}

function release(): void {
  if (hold?.unref === undefined) {
    hold?.close();
    hold = undefined;
  } else hold.unref();
}

/** Not a timer, which the fake timers of a test would run; not a port of a `MessageChannel`, which holds Node only. */
function open(): Hold | undefined {
  const { BroadcastChannel } = globalThis;
  if (typeof BroadcastChannel !== 'function') return undefined;
  // In browsers channels have no `unref`: nothing that a page waits for keeps it open.
  const endsByItself = 'unref' in BroadcastChannel.prototype || 'Deno' in globalThis;
  return endsByItself ? new BroadcastChannel('tokenkeep:waiting') : undefined;
}
