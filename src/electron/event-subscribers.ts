/**
 * The frames that receive events.
 *
 * @module
 */
import { toBridgeEvent } from '../bridge/bridge-messages.ts';
import type { AnyTokenEvent } from '../core/events.ts';
import type { ElectronFrame, ElectronInvokeEvent } from './electron-api.ts';
import type { FrameCheck } from './frame-check.ts';

type Window = ElectronInvokeEvent['sender'];

/** The subscribed frames: those that have called, as long as they exist and are allowed. */
export class EventSubscribers {
  readonly #mayCall: FrameCheck;
  readonly #channel: string;
  readonly #onGone: (frame: number) => void;
  readonly #frames: Map<number, { readonly frame: ElectronFrame; readonly window: Window }> = new Map();
  /** Windows whose `destroyed` event is awaited: a window shows many documents, and is destroyed once. */
  readonly #windows: WeakSet<Window> = new WeakSet();

  /** @param onGone is called for each frame that leaves. */
  constructor(mayCall: FrameCheck, channel: string, onGone: (frame: number) => void) {
    this.#mayCall = mayCall;
    this.#channel = channel;
    this.#onGone = onGone;
  }

  add({ sender: window }: ElectronInvokeEvent, frame: ElectronFrame): void {
    this.#frames.set(frame.frameTreeNodeId, { frame, window });
    if (this.#windows.has(window)) return;
    this.#windows.add(window);
    window.once('destroyed', () => {
      for (const [id, one] of this.#frames) if (one.window === window) this.remove(id);
    });
  }

  remove(id: number): void {
    this.#frames.delete(id);
    this.#onGone(id);
  }

  publish(event: AnyTokenEvent): void {
    const message = toBridgeEvent(event);
    for (const [id, { frame }] of this.#frames) {
      try {
        if (this.#mayCall(frame)) frame.send(this.#channel, message);
        else this.remove(id);
      } catch {
        // The frame was destroyed at this very moment.
        this.remove(id);
      }
    }
  }
}
