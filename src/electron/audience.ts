/**
 * Who hears of events in the pages.
 *
 * @module
 */
import { toBridgeEvent } from '../bridge/wire.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import type { ElectronFrame, ElectronInvokeEvent } from './electron.ts';
import type { FrameCheck } from './senders.ts';

type Window = ElectronInvokeEvent['sender'];

/** The frames that are told of events: those that have called, as long as they are there and allowed. */
export class Audience {
  readonly #mayCall: FrameCheck;
  readonly #channel: string;
  readonly #gone: (frame: number) => void;
  readonly #frames: Map<number, { readonly frame: ElectronFrame; readonly window: Window }> = new Map();
  /** Windows whose end is waited for: one shows many documents in its life, and ends once. */
  readonly #windows: WeakSet<Window> = new WeakSet();

  /** @param gone is told of each frame that leaves. */
  constructor(mayCall: FrameCheck, channel: string, gone: (frame: number) => void) {
    this.#mayCall = mayCall;
    this.#channel = channel;
    this.#gone = gone;
  }

  join({ sender: window }: ElectronInvokeEvent, frame: ElectronFrame): void {
    this.#frames.set(frame.frameTreeNodeId, { frame, window });
    if (this.#windows.has(window)) return;
    this.#windows.add(window);
    window.once('destroyed', () => {
      for (const [id, one] of this.#frames) if (one.window === window) this.leave(id);
    });
  }

  leave(id: number): void {
    this.#frames.delete(id);
    this.#gone(id);
  }

  tell(event: AnyTokenEvent): void {
    const message = toBridgeEvent(event);
    for (const [id, { frame }] of this.#frames) {
      try {
        if (this.#mayCall(frame)) frame.send(this.#channel, message);
        else this.leave(id);
      } catch {
        // It went at this very moment.
        this.leave(id);
      }
    }
  }
}
