/** Renders pages: their content with TypeDoc's templates, the frame around it with our own. */
import {
  type ContainerReflection,
  type DeclarationReflection,
  DefaultTheme,
  DefaultThemeRenderContext,
  JSX,
  type PageEvent,
  type Reflection,
  ReflectionKind,
  type RendererEvent,
} from 'typedoc';
import { renderDocument } from '../html/document.ts';
import { escapeHtml } from '../html/escape.ts';
import { frame } from '../html/frame.ts';
import { renderHome } from '../html/home.ts';
import { outline } from '../html/member-headings.ts';
import type { SiteContent } from '../site-content.ts';
import { groupOf, groupTitles } from './groups.ts';

/** The languages of the code that pages show. */
export const highlighted = [
  'typescript',
  'tsx',
  'javascript',
  'html',
  'css',
  'json',
  'bash',
  'sh',
  'sql',
  'http',
  'diff',
  'text',
] as const;

const nothing = JSX.createElement(JSX.Fragment, null);

/** TypeDoc's templates without their icons and without the index of members, which the frame shows beside the page. */
class ContentContext extends DefaultThemeRenderContext {
  override reflectionIcon = () => nothing;
  override index = () => nothing;
  override memberSources = () => nothing;
}

export class SiteTheme extends DefaultTheme {
  /** Set before a site is rendered: TypeDoc makes the theme itself. */
  static content: SiteContent;

  override ContextClass = ContentContext;

  /** The first line that a grammar sees may take longer than the highlighter waits for a line, so that line is not one of ours. */
  override async preRender(event: RendererEvent): Promise<void> {
    await super.preRender(event);
    for (const language of highlighted) this.markedPlugin.getHighlighted("import { a } from 'b';", language);
  }

  override render(event: PageEvent): string {
    const page = event as PageEvent<Reflection>;
    const context = this.getRenderContext(page);
    const content = SiteTheme.content;
    const { model, url } = page;
    const document = content.pageOf(model);
    if (model.isProject()) {
      const main = renderHome(content, (markdown) => context.markdown(markdown));
      return frame(content, { url, title: 'tokenkeep', section: '', main, isHome: true });
    }
    if (document !== undefined) {
      const main = renderDocument(content, document, (markdown) => context.markdown(markdown));
      const parent = content.pages.find((one) => one.url === document.parent);
      return frame(content, { ...document, main, parent });
    }
    if (model.kindOf(ReflectionKind.Module)) {
      const door = model as DeclarationReflection;
      return frame(content, { url, title: door.name, section: 'Reference', main: renderDoor(context, door) });
    }
    const main = outline(JSX.renderElement(this.reflectionTemplate(page as PageEvent<ContainerReflection>)));
    return frame(content, {
      url,
      title: model.name,
      section: 'Reference',
      kind: ReflectionKind.singularString(model.kind),
      parent: { title: model.parent?.name ?? '', url: this.router.getFullUrl(model.parent as Reflection) },
      main,
    });
  }
}

/** An entry point: what it is for, and its exports by task. */
function renderDoor(context: DefaultThemeRenderContext, door: DeclarationReflection): string {
  const about = JSX.renderElement(context.commentSummary(door) ?? nothing);
  const groups = exportsByTask(door).map(({ title, exports }) => {
    const rows = exports.map((one) => {
      const target = targetOf(one);
      const summary = JSX.renderElement(context.commentShortSummary(target) ?? nothing);
      const kind = ReflectionKind.singularString(target.kind).toLowerCase();
      const url = escapeHtml(context.urlTo(target) ?? '');
      return `<li><a href="${url}"><code>${escapeHtml(one.name)}</code></a> <span class="kind">${kind}</span>${summary}</li>`;
    });
    const id = title.toLowerCase().replaceAll(/\W+/g, '-');
    return `<h2 id="${id}">${escapeHtml(title)}</h2>\n<ul class="exports">\n${rows.join('\n')}\n</ul>`;
  });
  const statement = `<pre tabindex="0"><code class="ts">import { … } from '${door.name}';</code></pre>`;
  return `${about}\n${statement}\n${groups.join('\n')}`;
}

/** An export of another entry point is shown here under its name, and described there. */
export function targetOf(one: Reflection): Reflection {
  return one.isReference() ? one.getTargetReflection() : one;
}

export interface ExportsOfTask {
  readonly title: string;
  readonly exports: readonly DeclarationReflection[];
}

/** Returns the exports of an entry point in the groups of the reference. */
export function exportsByTask(door: DeclarationReflection): readonly ExportsOfTask[] {
  const fileOf = (one: Reflection) =>
    door.project.getSymbolIdFromReflection(targetOf(one))?.fileName?.replace(/^.*?\bsrc\//, '') ?? '';
  const children = door.children ?? [];
  return groupTitles(door.name).flatMap((title) => {
    const exports = children.filter((one) => groupOf(door.name, one.name, fileOf(one)) === title);
    exports.sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name));
    return exports.length === 0 ? [] : [{ title, exports }];
  });
}

/** Classes stand before functions, and both before the types that belong to them. */
function rank(one: Reflection): number {
  const target = targetOf(one);
  if (target.kindOf(ReflectionKind.Class)) return 0;
  return target.kindOf(ReflectionKind.FunctionOrMethod | ReflectionKind.Variable) ? 1 : 2;
}
