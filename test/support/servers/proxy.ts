import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server that a test can cut, and lead elsewhere, as a network and a failover do. */
export interface Way extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** From now on nothing gets through, and what was open is closed. */
  cut(): void;
  /** From now on everything goes to this port. */
  leadTo(port: number): void;
}

export async function proxyTo(target: number): Promise<Way> {
  let port: number | undefined = target;
  const sockets = new Set<Socket>();
  const join = (one: Socket, other: Socket): void => {
    sockets.add(one);
    one.on('error', () => undefined);
    one.on('close', () => {
      sockets.delete(one);
      other.destroy();
    });
  };
  const server = createServer((client) => {
    if (port === undefined) return void client.destroy();
    const upstream = connect(port, '127.0.0.1');
    join(client, upstream);
    join(upstream, client);
    client.pipe(upstream).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = (): void => {
    port = undefined;
    for (const socket of sockets) socket.destroy();
  };
  const own = (server.address() as AddressInfo).port;
  return {
    port: own,
    url: `redis://127.0.0.1:${own}`,
    cut,
    leadTo(next) {
      cut();
      port = next;
    },
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
