/** Draws in the colours of the page, along a time that fits its width. */

interface Area {
  readonly from: number;
  readonly until: number;
  readonly y: number;
  readonly height: number;
  readonly colour: string;
}

interface Tick {
  readonly y: number;
  readonly height: number;
  readonly colour: string;
  readonly width: number;
}

/** The next number of ms that people like to count in. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * ([1, 2, 5].find((factor) => factor * power >= least) ?? 10);
}

/** Where the names of the rows stand. */
const margin = 46;

export class Brush {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #height: number;
  #width = 0;
  #start = 0;
  #length = 1;
  readonly #colours: CSSStyleDeclaration;
  /** Where the last number of this bar stands: the next one needs room. */
  #lastNumber: number = Number.NEGATIVE_INFINITY;

  constructor(canvas: HTMLCanvasElement, height: number) {
    this.#canvas = canvas;
    this.#height = height;
    canvas.style.height = `${height}px`;
    this.#context = canvas.getContext('2d') as CanvasRenderingContext2D;
    this.#colours = getComputedStyle(canvas);
  }

  /** An empty picture of a time: its beginning, and its length in ms. */
  begin(start: number, length: number): this {
    const scale = devicePixelRatio;
    this.#width = this.#canvas.clientWidth;
    this.#start = start;
    this.#length = length;
    const [width, height] = [Math.round(this.#width * scale), Math.round(this.#height * scale)];
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    this.#context.setTransform(scale, 0, 0, scale, 0, 0);
    this.#context.clearRect(0, 0, this.#width, this.#height);
    this.#context.textBaseline = 'middle';
    return this;
  }

  label(text: string, y: number, colour: string): void {
    this.#write(text, { x: 0, y, colour, size: 12 });
  }

  rule(y: number): void {
    this.#context.fillStyle = this.#colour('--line');
    this.#context.fillRect(0, Math.round(y), this.#width, 1);
  }

  tick(at: number, { y, height, colour, width }: Tick): void {
    this.#context.fillStyle = this.#colour(colour);
    this.#context.fillRect(Math.round(this.#x(at)), y, width, height);
  }

  bar({ from, until, y, height, colour, text }: Area & { readonly text: string }): void {
    this.#lastNumber = Number.NEGATIVE_INFINITY;
    const [x, width] = this.#span(from, until);
    this.#context.fillStyle = this.#colour(colour);
    this.#context.beginPath();
    this.#context.roundRect(x, y, width, height, 3);
    this.#context.fill();
    if (width > 24) this.#write(text, { x: x + 6, y: y + height / 2 + 0.5, colour: '--on-tab', size: 11 });
  }

  /** Waiting: the outline of a bar, and diagonals in it. */
  hatched({ from, until, y, height, colour }: Area): void {
    const context = this.#context;
    const [x, width] = this.#span(from, until);
    context.save();
    context.strokeStyle = this.#colour(colour);
    context.lineWidth = 1;
    context.beginPath();
    context.roundRect(x + 0.5, y + 0.5, Math.max(1, width - 1), height - 1, 3);
    context.stroke();
    context.clip();
    context.globalAlpha = 0.55;
    context.beginPath();
    for (let left = x - height; left < x + width; left += 7) {
      context.moveTo(left, y + height);
      context.lineTo(left + height, y);
    }
    context.stroke();
    context.restore();
  }

  /** The number of a step, where there is room for it. */
  number(at: number, step: number, y: number): void {
    const x = this.#x(at) + 4;
    if (x + 8 > this.#width || x < this.#lastNumber + 11) return;
    this.#lastNumber = x;
    this.#write(`${step}`, { x, y: y + 0.5, colour: '--on-tab', size: 11 });
  }

  /** Round points in time, as many as there is room for. */
  axis(y: number): void {
    this.rule(y);
    const step = roundStep((this.#length * 80) / (this.#width - margin));
    for (let time = 0; time < this.#length; time += step) {
      const x = Math.round(this.#x(this.#start + time));
      this.#context.fillStyle = this.#colour('--line');
      this.#context.fillRect(x, y, 1, 5);
      const text = step < 1_000 ? `${time} ms` : `${time / 1_000} s`;
      if (x + 32 < this.#width) this.#write(text, { x: x + 4, y: y + 12, colour: '--muted', size: 11 });
    }
  }

  #write(text: string, { x, y, colour, size }: { x: number; y: number; colour: string; size: number }): void {
    this.#context.font = `600 ${size}px ${this.#colours.fontFamily}`;
    this.#context.fillStyle = this.#colour(colour);
    this.#context.fillText(text, x, y);
  }

  #span(from: number, until: number): [x: number, width: number] {
    const x = this.#x(Math.max(from, this.#start));
    return [x, Math.max(2, this.#x(until) - x)];
  }

  #x(at: number): number {
    return margin + ((at - this.#start) / this.#length) * (this.#width - margin);
  }

  #colour(name: string): string {
    return this.#colours.getPropertyValue(name);
  }
}
