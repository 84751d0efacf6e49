import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the page, in memory. */
export interface Asset {
  type: string;
  content: Buffer;
  etag: string;
}

const JAVASCRIPT = 'text/javascript; charset=utf-8';
const PAGES = ['/', '/batches', '/letters', '/images'];
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Libraries of the page as they come from their makers, by the names under which its modules import them. */
const LIBRARIES: Readonly<Record<string, { path: string; file: [name: string, ...parts: string[]] }>> = {
  preact: { path: '/lib/preact.js', file: ['preact', 'dist', 'preact.module.js'] },
  'preact/hooks': { path: '/lib/preact-hooks.js', file: ['preact', 'hooks', 'dist', 'hooks.module.js'] },
  'preact/jsx-runtime': {
    path: '/lib/preact-jsx.js',
    file: ['preact', 'jsx-runtime', 'dist', 'jsxRuntime.module.js'],
  },
  uplot: { path: '/lib/uplot.js', file: ['uplot', 'dist', 'uPlot.esm.js'] },
};

/** Reads all files of the page, and makes the policy under which a browser runs nothing else. */
export async function readAssets(): Promise<{ assets: Map<string, Asset>; contentSecurityPolicy: string }> {
  const imports = JSON.stringify({
    imports: Object.fromEntries(Object.entries(LIBRARIES).map(([name, { path }]) => [name, path])),
  });
  const html = (await readFile(join(ROOT, 'src', 'console', 'page', 'index.html'), 'utf8')).replace(
    '{{imports}}',
    () => imports,
  );
  const assets = new Map<string, Asset>();
  for (const page of PAGES) assets.set(page, asset('text/html; charset=utf-8', Buffer.from(html)));
  const style = await readFile(join(ROOT, 'src', 'console', 'page', 'style.css'));
  assets.set('/style.css', asset('text/css; charset=utf-8', style));
  for (const { path, file } of Object.values(LIBRARIES))
    assets.set(path, asset(JAVASCRIPT, await readFile(fileOf(file))));
  assets.set(
    '/lib/uplot.css',
    asset('text/css; charset=utf-8', await readFile(fileOf(['uplot', 'dist', 'uPlot.min.css']))),
  );
  const scripts = join(ROOT, 'dist', 'console', 'page');
  for (const name of await readdir(scripts))
    if (name.endsWith('.js')) assets.set(`/page/${name}`, asset(JAVASCRIPT, await readFile(join(scripts, name))));
  return { assets, contentSecurityPolicy: policy(inlineScript(html)) };
}

/** The map of imports: browsers take it in no other way. */
function inlineScript(html: string): string {
  return /<script type="importmap">([^<]*)<\/script>/.exec(html)?.[1] ?? '';
}

function policy(script: string): string {
  const hash = createHash('sha256').update(script).digest('base64');
  return [
    "default-src 'none'",
    `script-src 'self' 'sha256-${hash}'`,
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; ');
}

function asset(type: string, content: Buffer): Asset {
  return { type, content, etag: `"${createHash('sha256').update(content).digest('base64url').slice(0, 27)}"` };
}

/** A file of a package, wherever it is installed. */
function fileOf([name, ...parts]: [name: string, ...parts: string[]]): string {
  return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), ...parts);
}
