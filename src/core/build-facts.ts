/**
 * The differences between the builds. `.config/build/two-builds.ts` replaces this file: in the production build, which
 * bundlers choose for pages, `isDevelopment` is `false`. Tests and the ordinary build see it as it is here.
 *
 * @module
 */

/**
 * `true`: errors explain programming mistakes. Never check it before a check that protects a token: both builds make the same
 * decisions and differ only in their messages.
 */
export const isDevelopment: boolean = true;

/** Address of the published reference. The release job sets it, because only that job has the address. */
export const referenceUrl: string = 'https://tokenkeep.invalid';
