/**
 * Ending a process without losing a refresh that is in progress.
 *
 * @module
 */
import { constants } from 'node:os';
import { describeReceived } from '../core/describe-received.ts';
import { ConfigurationError } from '../core/errors.ts';

/** The part of a manager that is used here. */
export interface ClosableManager {
  /** Waits for refreshes in progress. */
  close(): Promise<void>;
}

/** The name of a signal, such as `SIGTERM`. */
export type SignalName = `SIG${string}`;

/** Options of {@link closeOnSignals}. */
export interface CloseOnSignalsOptions {
  /** Signals to handle. @default ['SIGINT', 'SIGTERM'] */
  readonly signals?: readonly SignalName[] | undefined;
}

/** The handler of a signal. All managers share one. */
interface SignalRegistration {
  readonly managers: Map<symbol, ClosableManager>;
  readonly onSignal: () => void;
}

const registrations: Map<SignalName, SignalRegistration> = new Map();

/**
 * Closes one or more managers when the process receives a signal to end, and ends the process once their refreshes are stored.
 * Without this, Ctrl+C or a deployment during a refresh loses the successor of a spent refresh token. The process then ends by the
 * same signal, so its parent sees the usual exit code, unless the application has its own handlers for the signal. A second
 * signal ends the process at once.
 *
 * @example
 * ```ts
 * import { homedir } from 'node:os';
 * import { join } from 'node:path';
 * import { TokenManager } from 'tokenkeep';
 * import { closeOnSignals, fileStorage } from 'tokenkeep/node';
 *
 * const manager = new TokenManager({
 *   clientId: 'my-tool',
 *   authorizationServer: { tokenEndpoint: 'https://auth.example.com/token' },
 *   protectedResources: ['https://api.example.com/'],
 *   storage: fileStorage({ path: join(homedir(), '.my-tool', 'tokens') }),
 * });
 * closeOnSignals(manager);
 * ```
 * @returns a function that removes the handlers. Call it when you have closed the manager yourself.
 * @throws ConfigurationError if `manager` is not a manager, and for signals that a process cannot handle.
 */
export function closeOnSignals(
  manager: ClosableManager | readonly ClosableManager[],
  { signals = ['SIGINT', 'SIGTERM'] }: CloseOnSignalsOptions = {},
): () => void {
  const managers: readonly ClosableManager[] = Array.isArray(manager) ? manager : [manager];
  for (const one of managers) {
    if (typeof one?.close === 'function') continue;
    throw new ConfigurationError(
      `closeOnSignals(manager): pass a TokenManager, or an array of them.${describeReceived(one)}`,
    );
  }
  checkSignals(signals);
  const stops = managers.flatMap((one) => signals.map((signal) => register(signal, one)));
  return () => {
    for (const stop of stops) stop();
  };
}

function checkSignals(signals: unknown): void {
  if (!Array.isArray(signals) || signals.length === 0) {
    throw new ConfigurationError(
      "closeOnSignals(manager, { signals }): pass an array such as ['SIGINT', 'SIGTERM'].",
    );
  }
  const wrong = signals.find((signal) => !canBeHandled(signal));
  if (wrong === undefined) return;
  throw new ConfigurationError(
    `closeOnSignals(manager, { signals }): a process cannot handle ${String(wrong)}. Name signals such as SIGINT, SIGTERM or SIGHUP.`,
  );
}

function canBeHandled(signal: unknown): boolean {
  return (
    typeof signal === 'string' && signal in constants.signals && signal !== 'SIGKILL' && signal !== 'SIGSTOP'
  );
}

function register(signal: SignalName, manager: ClosableManager): () => void {
  const managers: SignalRegistration['managers'] = registrations.get(signal)?.managers ?? new Map();
  if (managers.size === 0) {
    const onSignal = () => void handleSignal(signal);
    registrations.set(signal, { managers, onSignal });
    process.on(signal as 'SIGTERM', onSignal);
  }
  const key = Symbol('manager');
  managers.set(key, manager);
  return () => {
    managers.delete(key);
    if (managers.size === 0) unregister(signal);
  };
}

function unregister(signal: SignalName): void {
  const known = registrations.get(signal);
  if (known === undefined) return;
  registrations.delete(signal);
  process.off(signal as 'SIGTERM', known.onSignal);
}

/** `true` from the first signal on. */
let isEnding = false;

async function handleSignal(signal: SignalName): Promise<void> {
  const closing = [...registrations.values()].flatMap(({ managers }) => [...managers.values()]);
  if (!isEnding) {
    isEnding = true;
    await Promise.allSettled([...new Set(closing)].map(async (manager) => await manager.close()));
  }
  for (const name of [...registrations.keys()]) unregister(name);
  // Handlers of the application have received the signal, and decide when the process ends.
  if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
}
