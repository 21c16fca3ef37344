/**
 * The differences between the builds. `.config/build/two-builds.ts` replaces this file: in the production build, which
 * bundlers choose for pages, `isDevelopment` is `false`. Tests and the ordinary build see it as it is here.
 *
 * @module
 */

/**
 * `true` where programming mistakes are explained. Never ask it before a check that protects a token: both builds make the same
 * decisions and differ in words only.
 */
export const isDevelopment: boolean = true;

/** Where the reference is published. The release job sets it, because only that job knows the address. */
export const referenceUrl: string = 'https://tokenkeep.invalid';
