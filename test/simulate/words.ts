/** Law no-token-in-words: no event and no error quotes a token. */
import { inspect } from 'node:util';
import type { Facts } from './facts.ts';
import type { Process } from './process.ts';

export function judgeWords(facts: Facts, process: Process, said: unknown): void {
  const words = inspect(said, { depth: 10, showHidden: true, breakLength: Number.POSITIVE_INFINITY });
  for (const tokens of [facts.refreshTokens, facts.accessTokens]) {
    for (const [text, { name }] of tokens) {
      if (words.includes(text))
        facts.break('law no-token-in-words', `${process.name} quotes ${name}: ${words}`);
    }
  }
}
