/**
 * Servers that render pages.
 *
 * @module
 */

/** Advice for servers that render pages, shared by the errors of all features that need a page. */
export const serverRenderingRemedy = 'On a server that renders pages, leave the session to the page.';
