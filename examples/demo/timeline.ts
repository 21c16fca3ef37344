/** A picture of what went over the wire, and when: `fetch` with a memory. */
export interface Recorder {
  readonly fetch: typeof globalThis.fetch;
  /** One line for what was sent, rejected, refreshed and answered since the last picture. */
  picture(): string[];
}

const width = 44;
const blocks = ' ▁▂▃▄▅▆▇█';

type Lanes = Map<'sent' | '401' | 'refresh' | '200', number[]>;

export function recorder(tokenEndpoint: string): Recorder {
  let lanes = emptyLanes();
  return {
    async fetch(input, init) {
      const refresh = String(input instanceof Request ? input.url : input) === tokenEndpoint;
      lanes.get(refresh ? 'refresh' : 'sent')?.push(performance.now());
      const response = await fetch(input, init);
      if (response.status === 401) lanes.get('401')?.push(performance.now());
      else if (response.ok && !refresh) lanes.get('200')?.push(performance.now());
      return response;
    },
    picture() {
      const all = [...lanes.values()].flat();
      const [start, end] = [Math.min(...all), Math.max(...all)];
      const lines = [...lanes].map(
        ([name, times]) => `${name.padEnd(8)}▕${bars(times, start, end)}▏${`${times.length}`.padStart(4)}`,
      );
      const axis = `${' '.repeat(9)}0 ms${`${Math.round(end - start)} ms`.padStart(width - 4)}`;
      lanes = emptyLanes();
      return [...lines, axis];
    },
  };
}

function emptyLanes(): Lanes {
  return new Map([
    ['sent', []],
    ['401', []],
    ['refresh', []],
    ['200', []],
  ]);
}

function bars(times: readonly number[], start: number, end: number): string {
  const bins = Array.from({ length: width }, () => 0);
  for (const time of times) {
    const bin = Math.min(width - 1, Math.floor(((time - start) / (end - start || 1)) * width));
    bins[bin] = (bins[bin] ?? 0) + 1;
  }
  const most = Math.max(...bins, 1);
  return bins.map((bin) => blocks[Math.ceil((bin / most) * (blocks.length - 1))]).join('');
}
