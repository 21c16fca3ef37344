/** Everything that the site shows: its pages, the entry points of the package, and what links lead to. */
import type { DeclarationReflection, Reflection } from 'typedoc';
import type { Page } from './pages/page.ts';

export interface Door {
  readonly name: string;
  readonly url: string;
  readonly groups: readonly {
    readonly title: string;
    readonly exports: readonly { readonly name: string; readonly url: string }[];
  }[];
}

export interface SiteContent {
  readonly pages: readonly Page[];
  readonly doors: readonly Door[];
  /** The address of the repository, for links to files that are no page. `undefined`: not known. */
  readonly repository: string | undefined;
  /** The version of the package. */
  readonly version: string;
  pageOf(reflection: Reflection): Page | undefined;
  /** Where an identifier of the public API is described: `indexedDbStorage`, `sessionEnded`, `ERR_STORAGE`. */
  urlOfName(name: string): string | undefined;
  /** A link that leads nowhere. The build fails with all of them. */
  reportDeadLink(from: string, href: string): void;
}

export type { DeclarationReflection };
