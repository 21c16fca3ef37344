/** Where every page of the site is. */
import {
  type Application,
  BaseRouter,
  DocumentReflection,
  type PageDefinition,
  type ProjectReflection,
  Reflection,
  type RouterTarget,
} from 'typedoc';
import type { Page } from '../pages/page.ts';

/** Documents are where their page says, an export is in the folder of its entry point. */
export class SiteRouter extends BaseRouter {
  /** Set before a site is rendered: TypeDoc makes the router itself. */
  static pages: ReadonlyMap<Reflection, Page> = new Map();

  /** The router of the site that is being rendered. */
  static current: SiteRouter | undefined;

  constructor(application: Application) {
    super(application);
    this.extension = '.html';
  }

  override buildPages(project: ProjectReflection): PageDefinition[] {
    SiteRouter.current = this;
    const pages = super.buildPages(project);
    for (const [document, { url }] of SiteRouter.pages)
      if (this.getFullUrl(document) !== url) throw new Error(`Two pages have the address ${url}.`);
    return pages.map((page) => (page.model === project ? { ...page, kind: 'index' } : page));
  }

  protected override getIdealBaseName(target: RouterTarget): string {
    if (target instanceof DocumentReflection) return this.pageOf(target).url.replace(/\.html$/, '');
    const names: string[] = [];
    for (
      let at: RouterTarget | undefined = target;
      at instanceof Reflection && !at.isProject();
      at = at.parent
    )
      names.unshift(...at.name.replace(/^tokenkeep\//, '').split('/'));
    return ['reference', ...names].map((name) => this.getUrlSafeName(name)).join('/');
  }

  private pageOf(target: Reflection): Page {
    const page = SiteRouter.pages.get(target);
    if (page === undefined) throw new Error(`The document ${target.name} has no page.`);
    return page;
  }
}
