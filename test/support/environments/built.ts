import { requireBuild } from '../package/built.ts';

/** Tests of built modules say nothing about the sources if the build is older. */
export function setup(): void {
  requireBuild();
}
