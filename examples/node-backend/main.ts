/** Four workers behind one port. The sessions are in Redis: any worker serves any user, and any of them may die. */
import cluster from 'node:cluster';
import { openWorker, type Worker } from './worker.ts';

const workers = 4;
const signals = ['SIGTERM', 'SIGINT'] as const;

if (cluster.isPrimary) supervise();
else await work();

function supervise(): void {
  const listening = new Set<number>();
  let isStopping = false;
  const stop = (): void => {
    isStopping = true;
    for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill('SIGTERM');
  };
  cluster.on('listening', ({ id, process: { pid } }) => {
    listening.add(id);
    console.log(`Worker ${pid} listens.`);
  });
  cluster.on('exit', ({ id, process: { pid } }, code, signal) => {
    if (isStopping && (code === 0 || !listening.has(id))) return;
    console.error(`Worker ${pid} has ended: ${signal ?? code}.`);
    // A worker that failed before it listened would be started forever.
    if (!isStopping && listening.has(id)) return void cluster.fork();
    process.exitCode = 1;
    stop();
  });
  for (const signal of signals) process.on(signal, stop);
  for (let count = 0; count < workers; count++) cluster.fork();
}

async function work(): Promise<void> {
  let worker: Worker | undefined;
  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await worker?.close(); // one that is not open yet has nothing to finish
    process.exit(0);
  };
  // A terminal sends Ctrl+C to the workers too, and then the supervisor sends its own.
  for (const signal of signals) process.on(signal, () => (stopping ??= stop()));
  worker = await openWorker();
}
