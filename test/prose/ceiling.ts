/** Markers per 1 000 words. Code bases that readers like have 0.1. It only falls. */
export const ceiling = 0.2;

export const perThousand = (count: number, words: number) => (words === 0 ? 0 : (count * 1000) / words);
