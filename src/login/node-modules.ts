/**
 * Modules of Node that a login uses. They are loaded when needed, and not imported: pages open the same door, and
 * their bundlers would try to resolve them. Node's own types would come into every program that imports this door.
 *
 * @module
 */
import { ConfigurationError } from '../core/errors.ts';

export interface NodeHttp {
  createServer(listener: (request: LoopbackRequest, response: LoopbackResponse) => void): HttpServer;
}
export interface HttpServer {
  listen(port: number, host: string, callback: () => void): void;
  once(type: 'error', listener: (error: Error) => void): void;
  address(): { readonly port: number };
  close(callback: () => void): void;
  closeAllConnections(): void;
}
export interface LoopbackRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { readonly host?: string };
}
export interface LoopbackResponse {
  writeHead(status: number, headers: Record<string, string>): LoopbackResponse;
  end(body: string): void;
  once(type: 'close', listener: () => void): void;
}
export interface NodeChildProcess {
  spawn(command: string, parameters: readonly string[], options: object): ChildProcess;
}
interface ChildProcess {
  once(type: 'spawn', listener: () => void): void;
  once(type: 'error', listener: (error: Error) => void): void;
  unref(): void;
}

interface NodeProcess {
  readonly platform: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  getBuiltinModule?(name: string): unknown;
}

/** @throws ConfigurationError outside Node. */
export function nodeModule(name: 'http'): NodeHttp;
export function nodeModule(name: 'child_process'): NodeChildProcess;
export function nodeModule(name: string): unknown {
  const module = nodeProcess()?.getBuiltinModule?.(name);
  if (module !== undefined) return module;
  throw new ConfigurationError(
    'loopbackLogin() needs Node 22.3 or later. In a page use startLogin() or popupLogin().',
  );
}

export function nodePlatform(): string | undefined {
  return nodeProcess()?.platform;
}

export function nodeVariable(name: string): string | undefined {
  return nodeProcess()?.env?.[name];
}

function nodeProcess(): NodeProcess | undefined {
  return (globalThis as { process?: NodeProcess }).process;
}
